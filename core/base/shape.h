// SPDX-License-Identifier: GPL-3.0-or-later
// The sizes of one attention problem, the index of one head in it, and the keys that a query may see.
#pragma once

#include <algorithm>
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

/// The keys [first, last).
struct KeyRange {
    Index first = 0;
    Index last = 0;

    Index size() const { return last - first; }
    bool contains(Index key) const { return first <= key && key < last; }
    bool meets(Index from, Index to) const { return first < to && from < last; } ///< whether it shares a key with [from, to)
    bool operator==(const KeyRange&) const = default;
};

/// The smallest range that holds both.
inline KeyRange hull(KeyRange a, KeyRange b) { return {std::min(a.first, b.first), std::max(a.last, b.last)}; }

} // namespace attnscope
