// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/metrics/row_sums.h"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace attnscope {

namespace {

constexpr Index kSampledCells = Index{1} << 26;
constexpr Index kFewestPairs = 64;
constexpr Index kMostPairs = 512;

/// Of one sampled row.
struct RowResult {
    RowSums map;
    RowSums output;
};

using Values = std::vector<double>;

Values valuesOf(const std::vector<RowResult>& rows, const std::function<double(const RowResult&)>& value)
{
    Values values(rows.size());
    std::transform(rows.begin(), rows.end(), values.begin(), value);
    return values;
}

/// sqrt of a ratio of squares and of its interval's ends.
Estimate rootOf(const Estimate& square)
{
    return {std::sqrt(square.value), {std::sqrt(std::max(0.0, square.interval.low)), std::sqrt(square.interval.high)}};
}

Estimate relative(const RowSample& sample, const std::vector<RowResult>& rows, RowSums RowResult::*part)
{
    return rootOf(sample.ratio(valuesOf(rows, [part](const RowResult& r) { return (r.*part).gapSquares; }),
                               valuesOf(rows, [part](const RowResult& r) { return (r.*part).exactSquares; })));
}

MapMetrics mapMetrics(const RowSample& sample, const std::vector<RowResult>& rows)
{
    RowSums sums;
    for (const RowResult& row : rows)
        sums.fold(row.map);
    MapMetrics m;
    MapIntervals intervals;
    const auto take = [&](double& value, Interval& interval, double RowSums::*field) {
        const Estimate estimate = sample.mean(valuesOf(rows, [field](const RowResult& r) { return r.map.*field; }));
        value = estimate.value;
        interval = estimate.interval;
    };
    const Estimate frobenius = relative(sample, rows, &RowResult::map);
    m.relFrobenius = frobenius.value;
    intervals.relFrobenius = frobenius.interval;
    take(m.totalVariation, intervals.totalVariation, &RowSums::totalVariation);
    take(m.entropyDifference, intervals.entropyDifference, &RowSums::entropyDifference);
    take(m.negativeMass, intervals.negativeMass, &RowSums::negativeMass);
    m.klReason = klReason(sums);
    if (m.klReason.empty())
        take(m.kl.emplace(), intervals.kl.emplace(), &RowSums::kl);
    for (std::size_t s = 0; s < m.topkRecall.size(); ++s) {
        const Estimate recall = sample.mean(valuesOf(rows, [s](const RowResult& r) { return r.map.recall[s]; }));
        m.topkRecall[s] = recall.value;
        intervals.topkRecall[s] = {std::max(0.0, recall.interval.low), std::min(1.0, recall.interval.high)};
    }
    intervals.negativeMass.low = std::max(0.0, intervals.negativeMass.low);
    m.maxAbs = sums.maxAbs;
    m.maxAbsRow = sums.maxAbsRow;
    m.maxAbsCol = sums.maxAbsCol;
    m.rowSumDeviation = sums.rowSumDeviation;
    m.intervals = intervals;
    return m;
}

OutputMetrics outputMetrics(const RowSample& sample, const std::vector<RowResult>& rows)
{
    RowSums sums;
    for (const RowResult& row : rows)
        sums.fold(row.output);
    const Estimate frobenius = relative(sample, rows, &RowResult::output);
    return {frobenius.value, sums.maxAbs, frobenius.interval};
}

Index pairsFor(const SampleChoice& choice, Index rows, Index cols)
{
    if (choice.pairs > 0)
        return choice.pairs;
    return std::min(rows / 2, std::clamp(kSampledCells / cols / 2, kFewestPairs, kMostPairs));
}

} // namespace

Result<SampledMetrics> compareSampled(const ScoreSource& exact, const ScoreSource& approximation, MatrixView<const float> values,
                                      MatrixView<const float> output, const SampleChoice& choice, const RunContext& context)
{
    const Index cols = exact.cols();
    if (approximation.rows() != exact.rows() || approximation.cols() != cols)
        return sizesDiffer("map", exact.rows(), cols, approximation.rows(), approximation.cols());
    if (values.data && (values.rows != cols || output.rows != exact.rows() || output.cols != values.cols))
        return sizesDiffer("output", exact.rows(), values.cols, output.rows, output.cols);
    const Index pairs = pairsFor(choice, exact.rows(), cols);
    if (pairs < 1 || 2 * pairs > exact.rows())
        return Error{Errc::InvalidShape, "A sample of " + std::to_string(pairs) + " pairs needs more rows than the map has.",
                     "Compare a map as small as that by all its rows."};
    const RowSample sample(exact.rows(), pairs, choice.seed);
    std::vector<RowResult> rows(sample.rows().size());
    std::vector<Result<void>> failures(rows.size());
    std::atomic<Index> finished{0};
    RunContext inner; // the rows are what runs in parallel
    inner.stop = context.stop;
    inner.threads = 1;
    const bool done = parallelFor(2 * pairs, 1, context, [&](Index at, Index) {
        const auto i = static_cast<std::size_t>(at);
        const auto addOutput = [&](Index row, std::span<const float> weights) {
            if (!values.data)
                return;
            std::vector<float> exactOutput(static_cast<std::size_t>(values.cols));
            gemmNN({weights.data(), 1, cols, cols}, values, {exactOutput.data(), 1, values.cols, values.cols});
            addRow(exactOutput, output.rowSpan(row), {row, 0}, rows[i].output);
        };
        auto sums = compareRows(exact, approximation, sample.rows()[i], 1, inner, addOutput);
        if (sums)
            rows[i].map = *sums;
        else
            failures[i] = sums.error();
        context.report(static_cast<double>(++finished) / static_cast<double>(2 * pairs));
    });
    if (!done)
        return cancelledError();
    for (const auto& failure : failures)
        if (!failure)
            return failure.error();
    SampledMetrics metrics{mapMetrics(sample, rows), values.data ? outputMetrics(sample, rows) : OutputMetrics{}};
    metrics.map.provenance = std::max(approximation.provenance(), Provenance::Sampled);
    metrics.map.rows = exact.rows();
    metrics.map.rowsRead = 2 * pairs;
    return metrics;
}

} // namespace attnscope
