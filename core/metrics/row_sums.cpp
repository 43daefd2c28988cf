// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics/row_sums.h"

#include "core/metrics/cell_sums.h"
#include "core/metrics/top_keys.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace attnscope {

namespace {

/// Entropy of weights of which the sum S and sum w ln w are known, normalised: ln S - (sum w ln w) / S.
double entropyOf(double sum, double weightedLogs) { return sum > 0.0 ? std::log(sum) - weightedLogs / sum : 0.0; }

/// The first column where the difference is `gap`.
Index columnOf(double gap, std::span<const float> exact, std::span<const float> approximate)
{
    for (std::size_t j = 0; j < exact.size(); ++j) {
        const double here = std::abs(static_cast<double>(exact[j]) - static_cast<double>(approximate[j]));
        if (here == gap || (std::isnan(gap) && std::isnan(here)))
            return static_cast<Index>(j);
    }
    return 0;
}

/// Scratch of one worker.
class RowComparison {
public:
    /// Both rows begin at one column; `visible`, counted from there, is what the exact map sees.
    void add(std::span<const float> exact, std::span<const float> approximate, KeyRange visible, RowSums& sums)
    {
        const auto seen = exact.subspan(static_cast<std::size_t>(visible.first), static_cast<std::size_t>(visible.size()));
        const auto a = m_exact.select(seen, visible.first);
        const auto b = m_approximate.select(approximate);
        std::array<Index, kRecallSizes.size()> sizes{};
        std::array<Index, kRecallSizes.size()> counts{};
        std::transform(kRecallSizes.begin(), kRecallSizes.end(), sizes.begin(), [&](Index k) { return std::min(k, visible.size()); });
        m_shared.count(a, b, static_cast<Index>(approximate.size()), sizes, counts);
        for (std::size_t s = 0; s < sizes.size(); ++s)
            sums.recall[s] += static_cast<double>(counts[s]) / static_cast<double>(sizes[s]);
    }

private:
    TopKeys m_exact{static_cast<std::size_t>(kRecallSizes.back())};
    TopKeys m_approximate{static_cast<std::size_t>(kRecallSizes.back())};
    SharedColumns m_shared;
};

std::string counted(Index count, const char* what) { return std::to_string(count) + (count == 1 ? " weight is " : " weights are ") + what; }

std::string sizeText(Index rows, Index cols) { return std::to_string(rows) + " x " + std::to_string(cols); }

} // namespace

void RowSums::fold(const RowSums& next)
{
    gapSquares += next.gapSquares;
    exactSquares += next.exactSquares;
    if (next.maxAbs > maxAbs || std::isnan(next.maxAbs)) {
        maxAbs = next.maxAbs;
        maxAbsRow = next.maxAbsRow;
        maxAbsCol = next.maxAbsCol;
    }
    totalVariation += next.totalVariation;
    kl += next.kl;
    negative += next.negative;
    zero += next.zero;
    for (std::size_t s = 0; s < recall.size(); ++s)
        recall[s] += next.recall[s];
    entropyDifference += next.entropyDifference;
    rowSumDeviation = std::max(rowSumDeviation, next.rowSumDeviation);
    negativeMass += next.negativeMass;
}

void addRow(std::span<const float> exact, std::span<const float> approximate, Cell start, RowSums& sums)
{
    const CellSums cells = sumCells(exact, approximate);
    sums.gapSquares += cells.gapSquares;
    sums.exactSquares += cells.exactSquares;
    if (cells.largestGap > sums.maxAbs || std::isnan(cells.largestGap)) {
        sums.maxAbs = cells.largestGap;
        sums.maxAbsRow = start.row;
        sums.maxAbsCol = start.col + columnOf(cells.largestGap, exact, approximate);
    }
    sums.totalVariation += 0.5 * cells.gaps;
    sums.kl += cells.divergence;
    sums.negative += cells.negativeWhereMass;
    sums.zero += cells.zeroWhereMass;
    sums.entropyDifference += entropyOf(cells.positiveMass, cells.positiveLog) - entropyOf(cells.exactMass, cells.exactLog);
    sums.rowSumDeviation = std::max(sums.rowSumDeviation, std::abs(cells.sum - 1.0));
    sums.negativeMass += cells.negative;
}

Result<RowSums> compareRows(const ScoreSource& exact, const ScoreSource& approximation, Index first, Index rows, const RunContext& context,
                            const UseRow& use)
{
    const Index cols = exact.cols();
    std::vector<float> a(static_cast<std::size_t>(rows * cols));
    std::vector<float> b(a.size());
    const Block block{first, 0, rows, cols, 0};
    if (auto done = exact.read(block, Pool::Mean, {a.data(), rows, cols, cols}, context); !done)
        return done.error();
    if (auto done = approximation.read(block, Pool::Mean, {b.data(), rows, cols, cols}, context); !done)
        return done.error();
    RowSums sums;
    RowComparison comparison;
    for (Index i = 0; i < rows; ++i) {
        const KeyRange visible = exact.visible(first + i);
        const KeyRange both = hull(visible, approximation.visible(first + i));
        const auto at = static_cast<std::size_t>(i * cols + both.first);
        const auto width = static_cast<std::size_t>(both.size());
        const std::span<const float> x(a.data() + at, width);
        const std::span<const float> y(b.data() + at, width);
        addRow(x, y, {first + i, both.first}, sums);
        comparison.add(x, y, {visible.first - both.first, visible.last - both.first}, sums);
        if (use)
            use(first + i, {a.data() + i * cols, static_cast<std::size_t>(cols)});
    }
    return sums;
}

std::string klReason(const RowSums& sums)
{
    if (sums.negative == 0 && sums.zero == 0)
        return {};
    return (sums.negative > 0 ? counted(sums.negative, "negative") : std::string()) + (sums.negative > 0 && sums.zero > 0 ? " and " : "") +
           (sums.zero > 0 ? counted(sums.zero, "0") : std::string()) + " where softmax has mass.";
}

Error sizesDiffer(const char* what, Index rows, Index cols, Index otherRows, Index otherCols)
{
    return {Errc::InvalidShape,
            std::string("The exact ") + what + " is " + sizeText(rows, cols) + " but the approximation's is " +
                sizeText(otherRows, otherCols) + ".",
            "Compare results of the same inputs."};
}

} // namespace attnscope
