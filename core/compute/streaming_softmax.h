// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax attention of a block of queries without ever holding a row of the map: online maximum and sum, O(n) memory.
#pragma once

#include "core/base/tensor.h"

#include <algorithm>
#include <limits>

namespace attnscope {

/// Which keys a query sees. Query i stands at key position p = i + offset; it sees the keys j <= p + after with
/// j >= p - before or j < globals; queries with 0 <= p < globals see all j <= p + globalAfter. None sees keys j < p - reach.
struct KeySupport {
    Index keys = 0;
    Index offset = 0;
    Index before = 0;
    Index after = 0;
    Index globals = 0;
    Index globalAfter = 0;
    Index reach = std::numeric_limits<Index>::max() / 4; ///< at least `before`

    bool isGlobal(Index query) const { return query + offset >= 0 && query + offset < globals; }
    Index begin(Index query) const; ///< of the window, without the global keys
    Index end(Index query) const;   ///< of the window
    Index floor(Index query) const { return std::clamp<Index>(query + offset - reach, 0, keys); } ///< of the global keys
    bool sees(Index query, Index key) const { return key < end(query) && key >= floor(query) && (key >= begin(query) || key < globals); }
    Index count(Index query) const; ///< keys seen
};

/// Everything, or the causal prefix aligned to the bottom right; of these the `window` keys up to the query's place and, unless
/// causal, as many after it, where it is not 0.
KeySupport fullSupport(Index queries, Index keys, bool causal, Index window = 0);

/// One head's problem. q [N, D], k [M, D], v [M, Dv].
struct StreamingTask {
    MatrixView<const float> q;
    MatrixView<const float> k;
    MatrixView<const float> v;
    float scale = 1.0F;
    KeySupport support;
};

/// What streaming leaves behind for one row: its largest logit and sum exp(logit - max); a row that sees nothing has sum 0.
struct RowNorm {
    float max = 0.0F;
    double sum = 0.0;
};

/// Queries that one call handles best; also the most it may be given.
inline constexpr Index kStreamQueries = 64;

/// The queries [first, first + count): their outputs into the rows 0 .. count of `out` [count, Dv] where that has data, their
/// norms into norms[0 .. count) where that is not null. Online softmax as in Milakov and Gimelshein, arXiv:1805.02867, tiled
/// as in Dao et al., arXiv:2205.14135, algorithm 1. Rows that see nothing become 0. Runs on the calling thread.
void streamQueries(const StreamingTask& task, Index first, Index count, MatrixView<float> out, RowNorm* norms);

/// Bytes that each thread keeps for it.
double streamScratchBytes(Index dim, Index valueDim);

} // namespace attnscope
