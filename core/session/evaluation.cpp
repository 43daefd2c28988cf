// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/evaluation.h"

#include "core/method/registry.h"

#include <chrono>

namespace attnscope {

Result<HeadResult> evaluate(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context)
{
    const auto start = std::chrono::steady_clock::now();
    auto output = method.run(inputs, params, context);
    if (!output)
        return output.error();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    auto map = method.scores(inputs, {}, params, context);
    if (!map)
        return map.error();
    return HeadResult{*std::move(map), std::make_shared<const Tensor>(*std::move(output)), took.count(), inputs.causal};
}

Result<HeadResult> evaluateExact(const Inputs& inputs, const RunContext& context)
{
    const auto method = requireMethod("softmax");
    if (!method)
        return method.error();
    return evaluate(**method, inputs, defaultParams((*method)->info().params), context);
}

Result<Comparison> compareWith(const HeadResult& exact, const AttentionMethod& method, const Inputs& inputs, const Params& params,
                               const RunContext& context)
{
    Comparison comparison{exact, {}, inputs.causal && !method.info().supportsCausal};
    Inputs used = inputs;
    if (comparison.bidirectionalFallback) {
        used.causal = false;
        auto bidirectional = evaluateExact(used, context);
        if (!bidirectional)
            return bidirectional.error();
        comparison.exact = *std::move(bidirectional);
    }
    auto approximation = evaluate(method, used, params, context);
    if (!approximation)
        return approximation.error();
    comparison.approximation = *std::move(approximation);
    return comparison;
}

Result<ComparisonMetrics> measure(const Comparison& comparison, const RunContext& context)
{
    auto map = compareMaps(*comparison.exact.map, *comparison.approximation.map, context);
    if (!map)
        return map.error();
    auto output = compareOutputs(comparison.exact.output->matrix(), comparison.approximation.output->matrix());
    if (!output)
        return output.error();
    return ComparisonMetrics{*std::move(map), *output};
}

} // namespace attnscope
