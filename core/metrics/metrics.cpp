// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics/metrics.h"

#include "core/base/parallel.h"
#include "core/metrics/cell_sums.h"
#include "core/metrics/top_keys.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kBlockCells = Index{1} << 17;

/// Sums over some rows; folded in the order of rows, so that the result does not depend on threads.
struct RowSums {
    double gapSquares = 0.0;
    double exactSquares = 0.0;
    double maxAbs = 0.0;
    Index maxAbsRow = 0;
    Index maxAbsCol = 0;
    double totalVariation = 0.0;
    double kl = 0.0;
    Index negative = 0; ///< weights of the approximation where A has mass
    Index zero = 0;
    std::array<double, kRecallSizes.size()> recall{};
    double entropyDifference = 0.0;
    double rowSumDeviation = 0.0;
    double negativeMass = 0.0;

    void fold(const RowSums& next);
};

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

/// Where a row of cells begins in the map.
struct Cell {
    Index row = 0;
    Index col = 0;
};

/// Everything but recall.
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

Result<RowSums> compareRows(const ScoreSource& exact, const ScoreSource& approximation, Index first, Index rows, const RunContext& context)
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
    }
    return sums;
}

/// |A - Â|_F / |A|_F; 0 where both are 0.
double relative(const RowSums& sums) { return sums.gapSquares == 0.0 ? 0.0 : std::sqrt(sums.gapSquares / sums.exactSquares); }

std::string counted(Index count, const char* what) { return std::to_string(count) + (count == 1 ? " weight is " : " weights are ") + what; }

MapMetrics metricsOf(const RowSums& sums, Index rows, Provenance provenance)
{
    const auto n = static_cast<double>(rows);
    MapMetrics m;
    m.relFrobenius = relative(sums);
    m.maxAbs = sums.maxAbs;
    m.maxAbsRow = sums.maxAbsRow;
    m.maxAbsCol = sums.maxAbsCol;
    m.totalVariation = sums.totalVariation / n;
    if (sums.negative == 0 && sums.zero == 0)
        m.kl = sums.kl / n;
    else
        m.klReason = (sums.negative > 0 ? counted(sums.negative, "negative") : std::string()) +
                     (sums.negative > 0 && sums.zero > 0 ? " and " : "") + (sums.zero > 0 ? counted(sums.zero, "0") : std::string()) +
                     " where softmax has mass.";
    for (std::size_t s = 0; s < m.topkRecall.size(); ++s)
        m.topkRecall[s] = sums.recall[s] / n;
    m.entropyDifference = sums.entropyDifference / n;
    m.rowSumDeviation = sums.rowSumDeviation;
    m.negativeMass = sums.negativeMass / n;
    m.provenance = provenance;
    return m;
}

std::string sizeText(Index rows, Index cols) { return std::to_string(rows) + " x " + std::to_string(cols); }

Error sizesDiffer(const char* what, Index rows, Index cols, Index otherRows, Index otherCols)
{
    return {Errc::InvalidShape,
            std::string("The exact ") + what + " is " + sizeText(rows, cols) + " but the approximation's is " +
                sizeText(otherRows, otherCols) + ".",
            "Compare results of the same inputs."};
}

} // namespace

Result<MapMetrics> compareMaps(const ScoreSource& exact, const ScoreSource& approximation, const RunContext& context)
{
    const Index rows = exact.rows();
    if (rows == 0 || exact.cols() == 0 || approximation.rows() != rows || approximation.cols() != exact.cols())
        return sizesDiffer("map", rows, exact.cols(), approximation.rows(), approximation.cols());
    const Index height = std::clamp<Index>(kBlockCells / exact.cols(), 1, 128);
    const Index blocks = (rows + height - 1) / height;
    std::vector<Result<RowSums>> parts(static_cast<std::size_t>(blocks), RowSums{});
    std::atomic<Index> finished{0};
    RunContext inner; // the blocks are what runs in parallel
    inner.stop = context.stop;
    inner.memoryBudget = context.memoryBudget;
    inner.threads = 1;
    const bool done = parallelFor(blocks, 1, context, [&](Index b, Index) {
        parts[static_cast<std::size_t>(b)] = compareRows(exact, approximation, b * height, std::min(height, rows - b * height), inner);
        context.report(static_cast<double>(++finished) / static_cast<double>(blocks));
    });
    if (!done)
        return cancelledError();
    RowSums sums;
    for (const auto& part : parts) {
        if (!part)
            return part.error();
        sums.fold(*part);
    }
    return metricsOf(sums, rows, approximation.provenance());
}

Result<OutputMetrics> compareOutputs(MatrixView<const float> exact, MatrixView<const float> approximation)
{
    if (exact.rows != approximation.rows || exact.cols != approximation.cols)
        return sizesDiffer("output", exact.rows, exact.cols, approximation.rows, approximation.cols);
    RowSums sums;
    for (Index i = 0; i < exact.rows; ++i)
        addRow(exact.rowSpan(i), approximation.rowSpan(i), {i, 0}, sums);
    return OutputMetrics{relative(sums), sums.maxAbs};
}

} // namespace attnscope
