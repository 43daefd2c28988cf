// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics/row_statistics.h"

#include "core/base/parallel.h"
#include "core/method/registry.h"
#include "core/metrics/top_keys.h"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace attnscope {

namespace {

constexpr Index kBlockCells = Index{1} << 18;

/// The logit of the row's largest weight, from q and k themselves: with that weight it gives the log-sum-exp.
double logitOf(const Inputs& inputs, HeadRef head, Index query, Index key)
{
    const auto q = inputs.qOf(head).rowSpan(query);
    const auto k = inputs.kOf(head).rowSpan(key);
    double dot = 0.0;
    for (std::size_t c = 0; c < q.size(); ++c)
        dot += static_cast<double>(q[c]) * static_cast<double>(k[c]);
    return inputs.effectiveScale() * dot;
}

void addRow(std::span<const float> weights, TopKeys& top, Index row, RowStatistics& to)
{
    double squares = 0.0;
    double logs = 0.0;
    double sum = 0.0;
    for (const double p : weights) {
        sum += p;
        squares += p * p;
        logs += p > 0.0 ? p * std::log(p) : 0.0;
    }
    const auto at = static_cast<std::size_t>(row);
    to.entropy[at] = static_cast<float>(std::log(sum) - logs / sum); // of weights whose rounded sum is not quite 1
    to.sumSquares[at] = static_cast<float>(squares / (sum * sum));
    std::size_t place = at * static_cast<std::size_t>(kTopWeights);
    for (const Index key : top.select(weights)) {
        to.topWeights[place] = weights[static_cast<std::size_t>(key)];
        to.topKeys[place++] = static_cast<std::int32_t>(key);
    }
}

Result<void> addRows(const ScoreSource& map, const Inputs& inputs, HeadRef head, Index first, Index last, RowStatistics& to,
                     const RunContext& context)
{
    const KeyRange seen = map.visibleToAny(first, last - first);
    std::vector<float> cells(static_cast<std::size_t>((last - first) * seen.size()));
    const MatrixView<float> block{cells.data(), last - first, seen.size(), seen.size()};
    if (auto done = map.read({first, seen.first, block.rows, block.cols, 0}, Pool::Mean, block, context); !done)
        return done;
    TopKeys top(static_cast<std::size_t>(kTopWeights));
    for (Index row = first; row < last; ++row) {
        const KeyRange visible = map.visible(row);
        const auto weights = std::span<const float>(cells).subspan(
            static_cast<std::size_t>((row - first) * seen.size() + visible.first - seen.first), static_cast<std::size_t>(visible.size()));
        addRow(weights, top, row, to);
        const auto place = static_cast<std::size_t>(row * kTopWeights);
        for (std::size_t i = place; i < place + static_cast<std::size_t>(kTopWeights); ++i)
            to.topKeys[i] += to.topKeys[i] < 0 ? 0 : static_cast<std::int32_t>(visible.first);
        to.lse[static_cast<std::size_t>(row)] =
            static_cast<float>(logitOf(inputs, head, row, to.topKeys[place]) - std::log(static_cast<double>(to.topWeights[place])));
    }
    return {};
}

} // namespace

RowStatistics::RowStatistics(Index rows)
    : lse(static_cast<std::size_t>(rows)),
      entropy(lse.size()),
      sumSquares(lse.size()),
      topWeights(lse.size() * static_cast<std::size_t>(kTopWeights)),
      topKeys(topWeights.size(), -1)
{
}

RowSummary summaryOf(const RowStatistics& statistics)
{
    RowSummary sums;
    for (Index row = 0; row < statistics.rows(); ++row) {
        const auto at = static_cast<std::size_t>(row);
        sums.lse += statistics.lse[at];
        sums.entropy += statistics.entropy[at];
        sums.sumSquares += statistics.sumSquares[at];
        sums.largest += statistics.largest(row);
    }
    const auto count = static_cast<double>(std::max<Index>(1, statistics.rows()));
    return {sums.lse / count, sums.entropy / count, sums.sumSquares / count, sums.largest / count};
}

Result<RowStatistics> computeRowStatistics(const Inputs& inputs, HeadRef head, const RunContext& context)
{
    const auto softmax = requireMethod("softmax");
    if (!softmax)
        return softmax.error();
    const auto map = (*softmax)->scores(inputs, head, defaultParams((*softmax)->info().params), context);
    if (!map)
        return map.error();
    const Index rows = (*map)->rows();
    const Index height = std::clamp<Index>(kBlockCells / (*map)->cols(), 1, 64);
    const Index blocks = (rows + height - 1) / height;
    RowStatistics statistics(rows);
    std::vector<Result<void>> ends(static_cast<std::size_t>(blocks));
    std::atomic<Index> finished{0};
    RunContext inner; // the blocks are what runs in parallel
    inner.stop = context.stop;
    inner.threads = 1;
    const bool done = parallelFor(blocks, 1, context, [&](Index b, Index) {
        ends[static_cast<std::size_t>(b)] = addRows(**map, inputs, head, b * height, std::min(rows, (b + 1) * height), statistics, inner);
        context.report(static_cast<double>(++finished) / static_cast<double>(blocks));
    });
    if (!done)
        return cancelledError();
    for (const auto& end : ends)
        if (!end)
            return end.error();
    return statistics;
}

} // namespace attnscope
