// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics/metrics.h"

#include "core/base/parallel.h"
#include "core/metrics/row_sums.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kBlockCells = Index{1} << 17;

/// |A - Â|_F / |A|_F; 0 where both are 0.
double relative(const RowSums& sums) { return sums.gapSquares == 0.0 ? 0.0 : std::sqrt(sums.gapSquares / sums.exactSquares); }

MapMetrics metricsOf(const RowSums& sums, Index rows, Provenance provenance)
{
    const auto n = static_cast<double>(rows);
    MapMetrics m;
    m.relFrobenius = relative(sums);
    m.maxAbs = sums.maxAbs;
    m.maxAbsRow = sums.maxAbsRow;
    m.maxAbsCol = sums.maxAbsCol;
    m.totalVariation = sums.totalVariation / n;
    m.klReason = klReason(sums);
    if (m.klReason.empty())
        m.kl = sums.kl / n;
    for (std::size_t s = 0; s < m.topkRecall.size(); ++s)
        m.topkRecall[s] = sums.recall[s] / n;
    m.entropyDifference = sums.entropyDifference / n;
    m.rowSumDeviation = sums.rowSumDeviation;
    m.negativeMass = sums.negativeMass / n;
    m.provenance = provenance;
    m.rows = m.rowsRead = rows;
    return m;
}

} // namespace

Result<MapMetrics> compareMaps(const ScoreSource& exact, const ScoreSource& approximation, const RunContext& context)
{
    const Index rows = exact.rows();
    if (rows == 0 || exact.cols() == 0 || approximation.rows() != rows || approximation.cols() != exact.cols())
        return sizesDiffer("map", rows, exact.cols(), approximation.rows(), approximation.cols());
    if (comparedBySample(rows, exact.cols())) {
        auto sampled = compareSampled(exact, approximation, {}, {}, {}, context);
        return sampled ? Result<MapMetrics>(std::move(sampled->map)) : Result<MapMetrics>(sampled.error());
    }
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
