// SPDX-License-Identifier: GPL-3.0-or-later
// Maps made of a formula or of a few bright cells, of any size, for tests of tiles and drawing.
#pragma once

#include "core/scores/score_source.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <set>
#include <thread>
#include <utility>

namespace attnscope::tests {

/// cell(row, col); keys after the row's own are masked where `causal`, and those before the last `window` too where that isn't 0.
class FormulaSource : public ScoreSource {
public:
    using Formula = std::function<float(Index, Index)>;
    FormulaSource(Index rows, Index cols, Formula formula, bool causal = false, Index window = 0)
        : m_rows(rows), m_cols(cols), m_formula(std::move(formula)), m_causal(causal), m_window(window)
    {
    }

    Index rows() const override { return m_rows; }
    Index cols() const override { return m_cols; }
    Provenance provenance() const override { return Provenance::Exact; }
    KeyRange visible(Index row) const override
    {
        return {m_window > 0 ? std::max<Index>(0, row + 1 - m_window) : 0, m_causal ? std::min(m_cols, row + 1) : m_cols};
    }
    Index cellsRead() const { return m_cellsRead; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        if (context.cancelled())
            return cancelledError();
        m_cellsRead += out.rows * out.cols;
        for (Index i = 0; i < out.rows; ++i)
            for (Index j = 0; j < out.cols; ++j)
                out(i, j) = visible(row0 + i).contains(col0 + j) ? m_formula(row0 + i, col0 + j) : 0.0F;
        return {};
    }

private:
    Index m_rows;
    Index m_cols;
    Formula m_formula;
    bool m_causal;
    Index m_window;
    mutable std::atomic<Index> m_cellsRead{0};
};

/// 1 at a few cells, 0 elsewhere; pools without reading the cells, so that 100,000 tokens cost nothing.
class BrightSource : public ScoreSource {
public:
    BrightSource(Index n, std::set<std::pair<Index, Index>> bright) : m_n(n), m_bright(std::move(bright)) {}

    Index rows() const override { return m_n; }
    Index cols() const override { return m_n; }
    Provenance provenance() const override { return Provenance::Exact; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        return readPooled({row0, col0, out.rows, out.cols, 0}, Pool::Max, out, context);
    }

    Result<void> readPooled(const Block& block, Pool, MatrixView<float> out, const RunContext&) const override
    {
        for (Index i = 0; i < out.rows; ++i)
            std::fill_n(out.row(i), out.cols, 0.0F);
        const auto from = m_bright.lower_bound({block.row0 << block.level, 0});
        const auto to = m_bright.lower_bound({(block.row0 + block.rows) << block.level, 0});
        for (auto it = from; it != to; ++it) {
            const Index col = (it->second >> block.level) - block.col0;
            if (col >= 0 && col < block.cols)
                out((it->first >> block.level) - block.row0, col) = 1.0F;
        }
        return {};
    }

private:
    Index m_n;
    std::set<std::pair<Index, Index>> m_bright;
};

/// Never finishes a read until it is cancelled.
class EndlessSource : public ScoreSource {
public:
    explicit EndlessSource(Index n) : m_n(n) {}
    Index rows() const override { return m_n; }
    Index cols() const override { return m_n; }
    Provenance provenance() const override { return Provenance::Exact; }

protected:
    Result<void> readCells(Index, Index, MatrixView<float>, const RunContext& context) const override
    {
        while (!context.cancelled())
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return cancelledError();
    }

private:
    Index m_n;
};

} // namespace attnscope::tests
