// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/low_rank_source.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/scores/direct_pooling.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kKeysAtOnce = 8192;

class KeptRows final : public FactorRows {
public:
    explicit KeptRows(MatrixView<const float> rows) : m_rows(rows) {}

    Index count() const override { return m_rows.rows; }
    Index rank() const override { return m_rows.cols; }
    MatrixView<const float> read(Index first, Index rows, Tensor&) const override { return m_rows.rowRange(first, rows); }

private:
    MatrixView<const float> m_rows;
};

class LowRankSource final : public ScoreSource, public PoolsDirectly {
public:
    LowRankSource(std::unique_ptr<const FactorRows> left, std::unique_ptr<const FactorRows> right, Index firstVisible,
                  Provenance provenance)
        : m_left(std::move(left)), m_right(std::move(right)), m_firstVisible(firstVisible), m_provenance(provenance)
    {
    }
    LowRankSource(LowRankFactors factors, Provenance provenance)
        : m_factors(std::move(factors)),
          m_left(std::make_unique<KeptRows>(std::as_const(m_factors.left).matrix())),
          m_right(std::make_unique<KeptRows>(std::as_const(m_factors.right).matrix())),
          m_firstVisible(m_factors.firstVisible),
          m_provenance(provenance)
    {
    }

    Index rows() const override { return m_left->count(); }
    Index cols() const override { return m_right->count(); }
    Provenance provenance() const override { return m_provenance; }
    const LowRankFactors* factors() const { return m_factors.left.empty() ? nullptr : &m_factors; }
    KeyRange visible(Index row) const override { return {0, std::min(cols(), m_firstVisible + row)}; }
    bool poolsDirectly(Pool pool) const override { return pool == Pool::Mean; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        Tensor left;
        Tensor right;
        const auto queries = m_left->read(row0, out.rows, left);
        for (Index from = 0; from < out.cols; from += kKeysAtOnce) { // computed factors of all keys would be larger than the inputs
            if (context.cancelled())
                return cancelledError();
            const Index keys = std::min(kKeysAtOnce, out.cols - from);
            gemmNT(queries, m_right->read(col0 + from, keys, right), {out.data + from, out.rows, keys, out.stride});
        }
        for (Index i = 0; i < out.rows; ++i) {
            const Index seen = std::clamp<Index>(visible(row0 + i).last - col0, 0, out.cols);
            std::fill(out.row(i) + seen, out.row(i) + out.cols, 0.0F);
        }
        return {};
    }
    Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const override;

private:
    double maskedMean(Index rowFirst, Index rowLast, Index colFirst, Index colLast) const;

    LowRankFactors m_factors; ///< empty where the rows are computed
    std::unique_ptr<const FactorRows> m_left;
    std::unique_ptr<const FactorRows> m_right;
    Index m_firstVisible;
    Provenance m_provenance;
};

Result<void> LowRankSource::readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    if (pool != Pool::Mean)
        return ScoreSource::readPooled(block, pool, out, context);
    const Tensor left = meanRows(*m_left, block.row0, block.rows, block.level);
    const Tensor right = meanRows(*m_right, block.col0, block.cols, block.level);
    const bool done = parallelFor(block.rows, 64, context, [&](Index first, Index last) {
        gemmNT(left.matrix().rowRange(first, last - first), right.matrix(), out.rowRange(first, last - first));
        for (Index r = first; r < last; ++r) {
            const Index rowFirst = (block.row0 + r) << block.level;
            const Index rowLast = std::min(rows(), (block.row0 + r + 1) << block.level);
            for (Index c = 0; c < block.cols; ++c) {
                const Index colFirst = (block.col0 + c) << block.level;
                const Index colLast = std::min(cols(), (block.col0 + c + 1) << block.level);
                if (visible(rowLast - 1).last <= colFirst)
                    out(r, c) = 0.0F;
                else if (visible(rowFirst).last < colLast)
                    out(r, c) = static_cast<float>(maskedMean(rowFirst, rowLast, colFirst, colLast));
            }
        }
    });
    if (!done)
        return cancelledError();
    return {};
}

/// The mean over a block that the mask cuts: each row meets the sum of the keys that it sees, which grows from row to row.
double LowRankSource::maskedMean(Index rowFirst, Index rowLast, Index colFirst, Index colLast) const
{
    constexpr Index rowsAtOnce = 256;
    Tensor leftScratch;
    Tensor rightScratch;
    std::vector<double> seen(static_cast<std::size_t>(m_right->rank()), 0.0);
    double total = 0.0;
    Index next = colFirst;
    for (Index i0 = rowFirst; i0 < rowLast; i0 += rowsAtOnce) {
        const Index count = std::min(rowsAtOnce, rowLast - i0);
        const auto left = m_left->read(i0, count, leftScratch);
        const Index lastSeen = std::clamp<Index>(visible(i0 + count - 1).last, next, colLast);
        const auto right = m_right->read(next, lastSeen - next, rightScratch);
        const Index firstRight = next;
        for (Index i = 0; i < count; ++i) {
            for (const Index end = std::min(colLast, visible(i0 + i).last); next < end; ++next)
                for (Index c = 0; c < right.cols; ++c)
                    seen[static_cast<std::size_t>(c)] += right(next - firstRight, c);
            for (Index c = 0; c < left.cols; ++c)
                total += left(i, c) * seen[static_cast<std::size_t>(c)];
        }
    }
    return total / (static_cast<double>(rowLast - rowFirst) * static_cast<double>(colLast - colFirst));
}

} // namespace

std::shared_ptr<const ScoreSource> makeLowRankSource(LowRankFactors factors, Provenance provenance)
{
    return std::make_shared<LowRankSource>(std::move(factors), provenance);
}

std::shared_ptr<const ScoreSource> makeLowRankSource(std::unique_ptr<const FactorRows> left, std::unique_ptr<const FactorRows> right,
                                                     Index firstVisible, Provenance provenance)
{
    return std::make_shared<LowRankSource>(std::move(left), std::move(right), firstVisible, provenance);
}

const LowRankFactors* factorsOf(const ScoreSource& source)
{
    const auto* const lowRank = dynamic_cast<const LowRankSource*>(&source);
    return lowRank ? lowRank->factors() : nullptr;
}

} // namespace attnscope
