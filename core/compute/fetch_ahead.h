// SPDX-License-Identifier: GPL-3.0-or-later
// Rows that come next are fetched into the nearer caches while the products before them are computed.
#pragma once

#include "core/base/tensor.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace attnscope {

/// What this thread's products fetch meanwhile: a few lines with every few rows of a product, never more than memory keeps up with.
class FetchAhead {
public:
    /// Of the calling thread.
    static FetchAhead& ofThread()
    {
        thread_local FetchAhead ahead;
        return ahead;
    }

    /// Forgets what was not fetched yet.
    void clear() { m_count = m_next = 0; }

    /// Appends rows; they must stay valid until clear().
    void add(MatrixView<const float> rows)
    {
        if (m_count < m_matrices.size() && rows.rows > 0 && rows.cols > 0)
            m_matrices[m_count++] = rows;
        m_row = 0;
    }

    bool pending() const { return m_next < m_count; }

    /// Asks for the next rows, at least kLines lines of them.
    void step()
    {
        for (Index lines = 0; lines < kLines && pending();) {
            const MatrixView<const float>& rows = m_matrices[m_next];
            const float* const row = rows.row(m_row);
            for (Index c = 0; c < rows.cols; c += kLineFloats, ++lines)
                __builtin_prefetch(row + c, 0, 2);
            if (++m_row == rows.rows) {
                m_row = 0;
                ++m_next;
            }
        }
    }

    /// The beginning of that many lines that follow each other, for the caller to ask for; none where rows don't.
    const float* take(Index lines)
    {
        if (!pending())
            return nullptr;
        const MatrixView<const float>& rows = m_matrices[m_next];
        if (rows.stride != rows.cols) {
            step();
            return nullptr;
        }
        const float* const first = rows.row(m_row);
        m_row += std::max<Index>(1, lines * kLineFloats / rows.cols);
        if (m_row >= rows.rows) {
            m_row = 0;
            ++m_next;
        }
        return first;
    }

private:
    static constexpr Index kLines = 24;
    static constexpr Index kLineFloats = 16;

    std::array<MatrixView<const float>, 6> m_matrices{};
    std::size_t m_count = 0;
    std::size_t m_next = 0;
    Index m_row = 0;
};

} // namespace attnscope
