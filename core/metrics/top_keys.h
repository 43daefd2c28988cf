// SPDX-License-Identifier: GPL-3.0-or-later
// The largest entries of a row, ties by index, in one pass.
#pragma once

#include "core/base/shape.h"

#include <cstdint>
#include <span>
#include <vector>

namespace attnscope {

/// Rows may have up to 2^32 columns. What is not a number comes last.
class TopKeys {
public:
    explicit TopKeys(std::size_t count) : m_count(count) { m_entries.reserve(2 * count); }

    /// The columns of the `count` largest values (all, where there are fewer), the largest first; of equal ones the earlier.
    /// row[0] stands in column `first`.
    std::span<const Index> select(std::span<const float> row, Index first = 0);

private:
    void shrink();

    std::size_t m_count;
    std::vector<std::uint64_t> m_entries; ///< value and column as one number, larger for what comes first
    std::vector<Index> m_columns;
};

/// Counts how many columns two lists share among their first k, for several k at once.
class SharedColumns {
public:
    /// counts_s = |first(a, sizes_s) ∩ first(b, sizes_s)|; all columns are below `cols`.
    void count(std::span<const Index> a, std::span<const Index> b, Index cols, std::span<const Index> sizes, std::span<Index> counts);

private:
    std::vector<Index> m_rank; ///< 1 + the place of a column in a, or 0; all 0 between calls
};

} // namespace attnscope
