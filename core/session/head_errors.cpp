// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/head_errors.h"

#include "core/method/registry.h"
#include "core/metrics/metrics.h"
#include "core/scores/selected_rows.h"
#include "core/session/evaluation.h"
#include "core/session/head_maps.h"
#include "core/session/head_stats.h"

namespace attnscope {

namespace {

/// Spread evenly, the last one among them.
std::vector<Index> sampledRows(Index rows)
{
    const Index count = std::min<Index>(rows, kHeadStatsRows);
    std::vector<Index> sampled;
    for (Index i = 1; i <= count; ++i)
        sampled.push_back(i * rows / count - 1);
    return sampled;
}

Result<double> headError(const Inputs& given, const AttentionMethod& method, const Params& params, const RunContext& context)
{
    const Inputs inputs = maskChangeFor(method.info(), given).applied(given);
    const auto softmax = requireMethod("softmax");
    if (!softmax)
        return softmax.error();
    Inputs plain = inputs;
    plain.arrays.clear(); // softmax takes none
    const auto exact = (*softmax)->scores(plain, {}, defaultParams((*softmax)->info().params), context);
    if (!exact)
        return exact.error();
    const auto implied = method.scores(inputs, {}, params, context);
    if (!implied)
        return implied.error();
    const auto rows = sampledRows((*exact)->rows());
    const auto metrics = compareMaps(*selectRows(*exact, rows), *selectRows(*implied, rows), context);
    if (!metrics)
        return metrics.error();
    return metrics->relFrobenius;
}

} // namespace

Result<int> forEachHeadError(const Document& document, Index batch, bool causal, const AttentionMethod& method, const Params& params,
                             const RunContext& context, const UseHeadError& use)
{
    const auto layers = static_cast<Index>(document.info().layerNames.size());
    const Index heads = document.info().heads;
    int made = 0;
    for (Index l = 0; l < layers; ++l) {
        const auto layer = document.start(l, kHeadMapLength, context);
        if (!layer)
            return layer.error();
        for (Index h = 0; h < heads; ++h, ++made) {
            const auto error = headError(firstPositions(*layer, {batch, h}, causal), method, params, context);
            if (!error)
                return error.error();
            use(static_cast<int>(l), static_cast<int>(h), *error);
            context.report(static_cast<double>(l * heads + h + 1) / static_cast<double>(layers * heads));
        }
    }
    return made;
}

} // namespace attnscope
