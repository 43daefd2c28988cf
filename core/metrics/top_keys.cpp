// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics/top_keys.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

namespace attnscope {

namespace {

/// Grows with the value and, for equal values, shrinks with the column: one comparison of integers orders entries.
std::uint64_t entryOf(float value, std::size_t column)
{
    const float ordered = std::isnan(value) ? -std::numeric_limits<float>::infinity() : value + 0.0F; // -0 becomes 0
    const auto bits = std::bit_cast<std::uint32_t>(ordered);
    const std::uint32_t rising = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
    return (static_cast<std::uint64_t>(rising) << 32U) | (0xFFFFFFFFU - static_cast<std::uint32_t>(column));
}

float valueOf(std::uint64_t entry)
{
    const auto rising = static_cast<std::uint32_t>(entry >> 32U);
    return std::bit_cast<float>((rising & 0x80000000U) != 0 ? rising & 0x7FFFFFFFU : ~rising);
}

} // namespace

void TopKeys::shrink()
{
    std::nth_element(m_entries.begin(), m_entries.begin() + static_cast<std::ptrdiff_t>(m_count) - 1, m_entries.end(), std::greater<>());
    m_entries.resize(m_count);
}

std::span<const Index> TopKeys::select(std::span<const float> row, Index first)
{
    m_entries.clear();
    std::size_t j = 0;
    for (; j < std::min(row.size(), 2 * m_count); ++j)
        m_entries.push_back(entryOf(row[j], j));
    if (j < row.size()) {
        shrink();
        float least = valueOf(m_entries.back()); // nth_element leaves the last of those kept there
        for (; j < row.size(); ++j) {
            if (!(row[j] > least)) // columns come in order, so an equal value comes too late
                continue;
            m_entries.push_back(entryOf(row[j], j));
            if (m_entries.size() == 2 * m_count) {
                shrink();
                least = valueOf(m_entries.back());
            }
        }
    }
    if (m_entries.size() > m_count)
        shrink();
    std::sort(m_entries.begin(), m_entries.end(), std::greater<>());
    m_columns.resize(m_entries.size());
    std::transform(m_entries.begin(), m_entries.end(), m_columns.begin(),
                   [first](std::uint64_t e) { return first + static_cast<Index>(0xFFFFFFFFU - static_cast<std::uint32_t>(e)); });
    return m_columns;
}

void SharedColumns::count(std::span<const Index> a, std::span<const Index> b, Index cols, std::span<const Index> sizes,
                          std::span<Index> counts)
{
    m_rank.resize(std::max(m_rank.size(), static_cast<std::size_t>(cols)), 0);
    std::fill(counts.begin(), counts.end(), Index{0});
    for (std::size_t i = 0; i < a.size(); ++i)
        m_rank[static_cast<std::size_t>(a[i])] = static_cast<Index>(i + 1);
    for (std::size_t i = 0; i < b.size(); ++i) {
        const Index rank = m_rank[static_cast<std::size_t>(b[i])];
        for (std::size_t s = 0; s < sizes.size() && rank > 0; ++s)
            counts[s] += std::max(rank, static_cast<Index>(i + 1)) <= sizes[s] ? 1 : 0;
    }
    for (const Index column : a)
        m_rank[static_cast<std::size_t>(column)] = 0;
}

} // namespace attnscope
