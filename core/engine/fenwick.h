// SPDX-License-Identifier: GPL-3.0-or-later
// Fenwick levels: the past of a place, split into ranges of 1, 1, 2, 4, ... tokens that end at powers of two.
#pragma once

#include "core/base/shape.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace attnscope {

/// The level at which place i sees place j <= i: the length in bits of i xor j; 0 for itself.
inline int fenwickLevel(Index i, Index j) { return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(i ^ j))); }

/// Levels that n places need: 0 ... bit length of n - 1.
inline int fenwickLevels(Index n) { return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n - 1))) + 1; }

/// The places that i sees at a level; empty where it sees none.
inline KeyRange fenwickRange(Index i, int level)
{
    if (level == 0)
        return {i, i + 1};
    const Index half = Index{1} << (level - 1);
    const Index first = (i >> level) << level;
    return (i & half) != 0 ? KeyRange{first, first + half} : KeyRange{first, first};
}

} // namespace attnscope
