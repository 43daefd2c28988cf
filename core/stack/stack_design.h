// SPDX-License-Identifier: GPL-3.0-or-later
// Edits of an architecture by value: each gives a new one to compute with, or says in one sentence why it can't be.
#pragma once

#include "core/base/result.h"
#include "core/stack/architecture.h"

#include <string>
#include <vector>

namespace attnscope {

/// What decidedBy says of an edited architecture and of a file written by writeStack().
inline constexpr const char* kDesigned = "layers (designed in Attnscope)";

/// What setMixer() and setPattern() take: "full", "sliding", "none", and the recurrent mixers.
std::vector<std::string> designMixers();

/// Layer `from` is taken out and put back as layer `to`; both from 0. Layers that share weights go on sharing them.
Result<Architecture> moveLayer(Architecture architecture, Index from, Index to);

/// A copy of layer `index` right after it, with weights of its own. At most 4096 layers.
Result<Architecture> duplicateLayer(Architecture architecture, Index index);

/// The last layer can't be removed.
Result<Architecture> removeLayer(Architecture architecture, Index index);

/// The mixer alone; the feed-forward part stays. Sizes are those of another layer with that mixer, else usual ones for the width.
/// The layer then has weights of its own.
Result<Architecture> setMixer(Architecture architecture, Index index, const std::string& mixer);

/// Of the layers that mix tokens every `every`-th attends, counted from `offset`; the others take `other`. `every` 0: none attends.
struct StackPattern {
    Index every = 8;
    Index offset = 4;
    std::string attention = "full"; ///< or "sliding"
    std::string other = "mamba2";
};
Result<Architecture> setPattern(Architecture architecture, const StackPattern& pattern);

/// Sizes of all layers at once; 0 where no layer has such a part, or where they differ.
struct StackDims {
    Index hidden = 0;
    Index heads = 0;
    Index kvHeads = 0;
    Index headDim = 0;
    Index window = 0;
    Index stateHeads = 0; ///< of recurrent mixers
    Index keyDim = 0;     ///< their state is keyDim x valueDim a head
    Index valueDim = 0;
    Index ffnWidth = 0; ///< of one expert where there are some
    bool operator==(const StackDims&) const = default;
};
StackDims dimsOf(const Architecture& architecture);

/// Sets those that aren't 0. InvalidParam where key heads don't divide heads, or a size is negative or above 2^17.
Result<Architecture> setDims(Architecture architecture, const StackDims& dims);

} // namespace attnscope
