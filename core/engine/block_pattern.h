// SPDX-License-Identifier: GPL-3.0-or-later
// BigBird's pattern of blocks of keys: one description for every backend.
#pragma once

#include "core/base/tensor.h"

#include <cstdint>
#include <vector>

namespace attnscope {

/// Keys in blocks of `size`, the last may be shorter; a block of queries stands at the block of keys of the same places.
struct BlockPattern {
    Index keys = 0;
    Index size = 1;
    Index random = 0; ///< blocks drawn for each block of queries
    std::uint64_t seed = 0;

    Index blocks() const { return (keys + size - 1) / size; }
    bool isGlobal(Index block) const { return block == 0 || block + 1 == blocks(); }

    /// Different blocks for block `own` of a head, none of them global or a neighbour; fewer where there are no more.
    std::vector<Index> drawn(Index own, HeadRef head) const;

    /// All blocks that block `own` of a head sees, ascending: the first, the last, its neighbourhood of three and the drawn ones, or
    /// everything where it is global.
    std::vector<Index> seen(Index own, HeadRef head) const;
};

} // namespace attnscope
