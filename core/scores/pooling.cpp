// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/pooling.h"

#include <algorithm>
#include <limits>

namespace attnscope {

PoolAccumulator::PoolAccumulator(MatrixView<float> out, Pool pool, int level) : m_out(out), m_pool(pool), m_level(level)
{
    if (pool == Pool::Mean) {
        m_sums.assign(static_cast<std::size_t>(out.rows * out.cols), 0.0);
        m_counts.assign(m_sums.size(), 0);
        return;
    }
    const float start = pool == Pool::Max ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
    for (Index i = 0; i < out.rows; ++i)
        std::fill_n(out.row(i), out.cols, start);
}

void PoolAccumulator::add(Index row, Index col, MatrixView<const float> cells)
{
    if (m_pool == Pool::Mean)
        addMean(row, col, cells);
    else
        addExtreme(row, col, cells);
}

void PoolAccumulator::addExtreme(Index row, Index col, MatrixView<const float> cells)
{
    const bool max = m_pool == Pool::Max;
    for (Index i = 0; i < cells.rows; ++i) {
        const float* in = cells.row(i);
        float* out = m_out.row((row + i) >> m_level);
        for (Index j = 0; j < cells.cols; ++j) {
            float& cell = out[(col + j) >> m_level];
            cell = max ? std::max(cell, in[j]) : std::min(cell, in[j]);
        }
    }
}

void PoolAccumulator::addMean(Index row, Index col, MatrixView<const float> cells)
{
    for (Index i = 0; i < cells.rows; ++i) {
        const float* in = cells.row(i);
        const Index base = ((row + i) >> m_level) * m_out.cols;
        for (Index j = 0; j < cells.cols; ++j) {
            const auto at = static_cast<std::size_t>(base + ((col + j) >> m_level));
            m_sums[at] += in[j];
            ++m_counts[at];
        }
    }
}

void PoolAccumulator::finish()
{
    if (m_pool != Pool::Mean)
        return;
    for (Index i = 0; i < m_out.rows; ++i)
        for (Index j = 0; j < m_out.cols; ++j) {
            const auto at = static_cast<std::size_t>(i * m_out.cols + j);
            m_out(i, j) = m_counts[at] > 0 ? static_cast<float>(m_sums[at] / static_cast<double>(m_counts[at])) : 0.0F;
        }
}

} // namespace attnscope
