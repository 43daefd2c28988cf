// SPDX-License-Identifier: GPL-3.0-or-later
// The sizes of one attention problem and the index of one head in it.
#pragma once

#include <cstdint>

namespace attnscope {

using Index = std::int64_t;

/// q [batch, heads, queries, dim], k [batch, kvHeads, keys, dim], v [batch, kvHeads, keys, valueDim].
struct Shape {
    Index batch = 1;
    Index heads = 1;
    Index queries = 0;
    Index keys = 0;
    Index dim = 0;
    Index valueDim = 0;

    bool operator==(const Shape&) const = default;
};

/// One head of one batch entry, counted among the query heads.
struct HeadRef {
    Index batch = 0;
    Index head = 0;

    bool operator==(const HeadRef&) const = default;
};

} // namespace attnscope
