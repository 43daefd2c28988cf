// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/low_rank_source.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"

#include <algorithm>
#include <vector>

namespace attnscope {

namespace {

/// Row r of the result is the mean of the rows [r 2^level, (r + 1) 2^level) of `factor`, from row0 on.
Tensor pooledRows(MatrixView<const float> factor, Index row0, Index count, int level)
{
    Tensor pooled(1, 1, count, factor.cols);
    std::vector<double> sum(static_cast<std::size_t>(factor.cols));
    for (Index r = 0; r < count; ++r) {
        const Index first = (row0 + r) << level;
        const Index last = std::min(factor.rows, (row0 + r + 1) << level);
        std::fill(sum.begin(), sum.end(), 0.0);
        for (Index i = first; i < last; ++i)
            for (Index c = 0; c < factor.cols; ++c)
                sum[static_cast<std::size_t>(c)] += factor(i, c);
        std::transform(sum.begin(), sum.end(), pooled.matrix().row(r),
                       [n = static_cast<double>(last - first)](double x) { return static_cast<float>(x / n); });
    }
    return pooled;
}

class LowRankSource final : public ScoreSource {
public:
    LowRankSource(LowRankFactors factors, Provenance provenance) : m_factors(std::move(factors)), m_provenance(provenance) {}

    Index rows() const override { return m_factors.left.rows(); }
    Index cols() const override { return m_factors.right.rows(); }
    Provenance provenance() const override { return m_provenance; }
    const LowRankFactors& factors() const { return m_factors; }
    KeyRange visible(Index row) const override { return {0, std::min(cols(), m_factors.firstVisible + row)}; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        if (context.cancelled())
            return cancelledError();
        gemmNT(m_factors.left.matrix().rowRange(row0, out.rows), m_factors.right.matrix().rowRange(col0, out.cols), out);
        for (Index i = 0; i < out.rows; ++i) {
            const Index seen = std::clamp<Index>(visible(row0 + i).last - col0, 0, out.cols);
            std::fill(out.row(i) + seen, out.row(i) + out.cols, 0.0F);
        }
        return {};
    }
    Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const override;

private:
    double maskedMean(Index rowFirst, Index rowLast, Index colFirst, Index colLast) const;

    LowRankFactors m_factors;
    Provenance m_provenance;
};

Result<void> LowRankSource::readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    if (pool != Pool::Mean)
        return ScoreSource::readPooled(block, pool, out, context);
    const Tensor left = pooledRows(m_factors.left.matrix(), block.row0, block.rows, block.level);
    const Tensor right = pooledRows(m_factors.right.matrix(), block.col0, block.cols, block.level);
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
    const auto left = m_factors.left.matrix();
    const auto right = m_factors.right.matrix();
    std::vector<double> seen(static_cast<std::size_t>(right.cols), 0.0);
    double total = 0.0;
    Index next = colFirst;
    for (Index i = rowFirst; i < rowLast; ++i) {
        for (const Index end = std::min(colLast, visible(i).last); next < end; ++next)
            for (Index c = 0; c < right.cols; ++c)
                seen[static_cast<std::size_t>(c)] += right(next, c);
        for (Index c = 0; c < left.cols; ++c)
            total += left(i, c) * seen[static_cast<std::size_t>(c)];
    }
    return total / (static_cast<double>(rowLast - rowFirst) * static_cast<double>(colLast - colFirst));
}

} // namespace

std::shared_ptr<const ScoreSource> makeLowRankSource(LowRankFactors factors, Provenance provenance)
{
    return std::make_shared<LowRankSource>(std::move(factors), provenance);
}

const LowRankFactors* factorsOf(const ScoreSource& source)
{
    const auto* const lowRank = dynamic_cast<const LowRankSource*>(&source);
    return lowRank ? &lowRank->factors() : nullptr;
}

} // namespace attnscope
