// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/lost_mass.h"

#include "core/base/parallel.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>
#include <mutex>

namespace attnscope {

namespace {

constexpr Index kQueries = 256;

struct Loss {
    double mass = 0.0;
    double variation = 0.0;
};

/// Of one row of the map beside the exact one. No weights of that sum on the same keys come closer: 1/2 (lost + |kept - sum|),
/// which is what was lost where the row sums to 1.
Loss lossOfRow(std::span<const float> row, std::span<const double> exact)
{
    double lost = 0.0;
    double sum = 0.0;
    double gaps = 0.0;
    for (std::size_t j = 0; j < row.size(); ++j) {
        lost += row[j] == 0.0F ? exact[j] : 0.0;
        sum += static_cast<double>(row[j]);
        gaps += std::abs(exact[j] - static_cast<double>(row[j]));
    }
    return {0.5 * (lost + std::abs(1.0 - lost - sum)), 0.5 * gaps};
}

Result<Loss> meanLoss(const Inputs& in, HeadRef head, const ScoreSource& map, const RunContext& context)
{
    const Index queries = std::min(kQueries, in.q.rows());
    Loss total;
    std::mutex mutex;
    Result<void> failure;
    const bool done = parallelFor(queries, 4, context, [&](Index first, Index last) {
        std::vector<double> exact(static_cast<std::size_t>(in.k.rows()));
        Tensor row(1, 1, 1, in.k.rows());
        for (Index at = first; at < last; ++at) {
            const Index query = (2 * at + 1) * in.q.rows() / (2 * queries);
            softmaxRow(in, head, query, exact);
            const auto read = map.read({query, 0, 1, in.k.rows(), 0}, Pool::Mean, row.matrix(), context);
            const Loss loss = lossOfRow(row.values(), exact);
            const std::lock_guard lock(mutex);
            if (!read)
                failure = read;
            total.mass += loss.mass / static_cast<double>(queries);
            total.variation += loss.variation / static_cast<double>(queries);
        }
    });
    if (!done)
        return cancelledError();
    if (!failure)
        return failure.error();
    return total;
}

} // namespace

Result<std::vector<TheoryCurve>> lostMassTheory(const AttentionMethod& method, const Inputs& in, HeadRef head, Params params,
                                                const std::string& key, const std::vector<double>& values, TheoryKind kind,
                                                const RunContext& context)
{
    TheoryCurve curve;
    curve.title = kind == TheoryKind::Prediction ? "Total variation is the lost mass" : "Total variation is at least the lost mass";
    curve.source = "identity of renormalised sparse attention: TV = 1 − Σ of the exact weights that are kept";
    curve.quantity = "total variation, mean over queries";
    curve.axis = key;
    curve.kind = kind;
    curve.caption =
        "Predicted: exact weight of the keys that a query can't see. An output is off by at most twice that times the longest value "
        "vector.";
    if (kind != TheoryKind::Prediction)
        curve.caption += " Here keys that count twice make the measured one larger; a query that sees nothing is off by 1/2.";
    for (const double value : values) {
        params.numbers[key] = value;
        const auto map = method.scores(in, head, params, context);
        if (!map)
            return map.error();
        const auto loss = meanLoss(in, head, **map, context);
        if (!loss)
            return loss.error();
        curve.x.push_back(value);
        curve.predicted.push_back(loss->mass);
        curve.measured.push_back(loss->variation);
    }
    return std::vector{std::move(curve)};
}

} // namespace attnscope
