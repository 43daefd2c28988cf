// SPDX-License-Identifier: GPL-3.0-or-later
// Which tiles of queries meet which keys: what the sparse kernels work through, made on the host before a run.
#pragma once

#include "core/compute/streaming_softmax.h"
#include "core/engine/block_pattern.h"
#include "gpu/kernels/sparse.h"

#include <vector>

namespace attnscope {

/// The tiles of all heads. Those with more keys than a balanced share are cut, and their queries have several answers.
struct SparsePlan {
    std::vector<kernels::SparseTile> tiles;
    std::vector<std::int32_t> keys; ///< blocks of `span` keys; empty: tiles without lists
    int span = 1;
    kernels::SparseMask mask;
    double pairs = 0.0; ///< cells that are computed

    // Queries with several answers.
    Index answers = 0;
    std::vector<Index> queries; ///< head * N + query
    std::vector<Index> starts{0};
    std::vector<Index> list;

    /// Cuts tiles whose lists are longer than `processors` busy blocks of threads need, in multiples of the span.
    void balance(Index queriesOfHead, int processors);
};

/// Tiles of a support: a band beside global keys, or everything.
SparsePlan planSupport(const Shape& shape, const KeySupport& support, int processors);

/// Tiles of BigBird's pattern, not causal. The shape's first head is head `first` of the pattern: what is drawn depends on it.
SparsePlan planBlocks(const Shape& shape, HeadRef first, const BlockPattern& pattern, int processors);

} // namespace attnscope
