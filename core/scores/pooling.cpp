// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/pooling.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

PoolAccumulator::PoolAccumulator(MatrixView<float> out, Pool pool, int level) : m_out(out), m_pool(pool), m_level(level)
{
    if (pool == Pool::Mean) {
        m_sums.assign(static_cast<std::size_t>(out.rows * out.cols), 0.0);
        m_counts.assign(m_sums.size(), 0);
        return;
    }
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const float start = pool == Pool::Extreme ? 0.0F : pool == Pool::Max ? -infinity : infinity;
    for (Index i = 0; i < out.rows; ++i)
        std::fill_n(out.row(i), out.cols, start);
}

void PoolAccumulator::add(Index row, Index col, MatrixView<const float> cells)
{
    switch (m_pool) {
    case Pool::Mean:
        return addMean(row, col, cells);
    case Pool::Max:
        return addBest(row, col, cells, [](float best, float x) { return best < x ? x : best; });
    case Pool::Min:
        return addBest(row, col, cells, [](float best, float x) { return x < best ? x : best; });
    case Pool::Extreme:
        return addBest(row, col, cells, [](float best, float x) { return std::fabs(best) < std::fabs(x) ? x : best; });
    }
}

// All kinds first pool the rows of a group column by column (which vectorises), then the columns.

template <class Better>
void PoolAccumulator::addBest(Index row, Index col, MatrixView<const float> cells, Better better)
{
    m_best.resize(static_cast<std::size_t>(cells.cols));
    float* const best = m_best.data();
    for (Index i = 0; i < cells.rows;) {
        const Index group = (row + i) >> m_level;
        std::copy_n(cells.row(i), cells.cols, best);
        for (++i; i < cells.rows && (row + i) >> m_level == group; ++i) {
            const float* in = cells.row(i);
            for (Index j = 0; j < cells.cols; ++j)
                best[j] = better(best[j], in[j]);
        }
        float* out = m_out.row(group);
        for (Index j = 0; j < cells.cols; ++j) {
            float& cell = out[(col + j) >> m_level];
            cell = better(cell, best[j]);
        }
    }
}

void PoolAccumulator::addMean(Index row, Index col, MatrixView<const float> cells)
{
    m_columnSums.resize(static_cast<std::size_t>(cells.cols));
    double* const sums = m_columnSums.data();
    for (Index i = 0; i < cells.rows;) {
        const Index group = (row + i) >> m_level;
        const Index first = i;
        std::copy_n(cells.row(i), cells.cols, sums);
        for (++i; i < cells.rows && (row + i) >> m_level == group; ++i) {
            const float* in = cells.row(i);
            for (Index j = 0; j < cells.cols; ++j)
                sums[j] += in[j];
        }
        for (Index j = 0; j < cells.cols; ++j) {
            const auto at = static_cast<std::size_t>(group * m_out.cols + ((col + j) >> m_level));
            m_sums[at] += sums[j];
            m_counts[at] += i - first;
        }
    }
}

void PoolAccumulator::addZeros(Index row, Index col, Index rows, Index cols)
{
    const Index size = Index{1} << m_level;
    for (Index r = row >> m_level; r << m_level < row + rows; ++r)
        for (Index c = col >> m_level; c << m_level < col + cols; ++c) {
            if (m_pool == Pool::Mean) {
                const Index high = std::min((r + 1) * size, row + rows) - std::max(r * size, row);
                const Index wide = std::min((c + 1) * size, col + cols) - std::max(c * size, col);
                m_counts[static_cast<std::size_t>(r * m_out.cols + c)] += high * wide;
                continue;
            }
            float& cell = m_out(r, c);
            if (m_pool == Pool::Max)
                cell = std::max(cell, 0.0F);
            else if (m_pool == Pool::Min)
                cell = std::min(cell, 0.0F); // a signed extreme starts at 0 and stays
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
