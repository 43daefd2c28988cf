// SPDX-License-Identifier: GPL-3.0-or-later
// Rows that come next are fetched into the nearer caches while the products before them are computed.
#pragma once

#include "core/base/tensor.h"

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
        if (m_count < m_matrices.size() && rows.rows > 0)
            m_matrices[m_count++] = rows;
        m_row = m_column = 0;
    }

    bool pending() const { return m_next < m_count; }

    /// Asks for the next lines.
    void step()
    {
        for (int i = 0; i < kLines && pending(); ++i) {
            const MatrixView<const float>& rows = m_matrices[m_next];
            __builtin_prefetch(rows.row(m_row) + m_column, 0, 2);
            m_column += kLineFloats;
            if (m_column < rows.cols)
                continue;
            m_column = 0;
            if (++m_row < rows.rows)
                continue;
            m_row = 0;
            ++m_next;
        }
    }

private:
    static constexpr int kLines = 24;
    static constexpr Index kLineFloats = 16;

    std::array<MatrixView<const float>, 6> m_matrices{};
    std::size_t m_count = 0;
    std::size_t m_next = 0;
    Index m_row = 0;
    Index m_column = 0;
};

} // namespace attnscope
