// SPDX-License-Identifier: GPL-3.0-or-later
// The largest entries of a row, ties by index, in one pass.
#pragma once

#include "core/base/shape.h"

#include <span>
#include <vector>

namespace attnscope {

class TopKeys {
public:
    explicit TopKeys(std::size_t count) : m_count(count) { m_entries.reserve(2 * count); }

    /// The columns of the `count` largest values (all, where there are fewer), the largest first; of equal ones the earlier.
    std::span<const Index> select(std::span<const float> row);

private:
    struct Entry {
        float value;
        Index column;
    };
    static bool before(const Entry& a, const Entry& b) { return a.value != b.value ? a.value > b.value : a.column < b.column; }
    void shrink();

    std::size_t m_count;
    std::vector<Entry> m_entries;
    std::vector<Index> m_columns;
};

/// How many of the first `k` columns of both lists are the same.
Index commonOf(std::span<const Index> a, std::span<const Index> b, std::size_t k);

} // namespace attnscope
