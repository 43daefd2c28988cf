// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics/top_keys.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

void TopKeys::shrink()
{
    std::nth_element(m_entries.begin(), m_entries.begin() + static_cast<std::ptrdiff_t>(m_count) - 1, m_entries.end(), before);
    m_entries.resize(m_count);
}

std::span<const Index> TopKeys::select(std::span<const float> row)
{
    m_entries.clear();
    float least = 0.0F; // the smallest value kept, once the list has been full
    bool full = false;
    for (std::size_t j = 0; j < row.size(); ++j) {
        if (full && !(row[j] > least)) // columns come in order, so an equal value comes too late
            continue;
        // What is not a number has no order: it comes last.
        m_entries.push_back({std::isnan(row[j]) ? -std::numeric_limits<float>::infinity() : row[j], static_cast<Index>(j)});
        if (m_entries.size() == 2 * m_count) {
            shrink();
            least = m_entries.back().value; // nth_element leaves the last of those kept there
            full = true;
        }
    }
    if (m_entries.size() > m_count)
        shrink();
    std::sort(m_entries.begin(), m_entries.end(), before);
    m_columns.resize(m_entries.size());
    std::transform(m_entries.begin(), m_entries.end(), m_columns.begin(), [](const Entry& e) { return e.column; });
    return m_columns;
}

Index commonOf(std::span<const Index> a, std::span<const Index> b, std::size_t k)
{
    std::vector<Index> left(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(k, a.size())));
    std::vector<Index> right(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(std::min(k, b.size())));
    std::sort(left.begin(), left.end());
    std::sort(right.begin(), right.end());
    Index common = 0;
    for (std::size_t i = 0, j = 0; i < left.size() && j < right.size();) {
        if (left[i] == right[j]) {
            ++common;
            ++i;
            ++j;
        } else if (left[i] < right[j]) {
            ++i;
        } else {
            ++j;
        }
    }
    return common;
}

} // namespace attnscope
