// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/evaluation.h"

#include "core/method/registry.h"

#include <chrono>

namespace attnscope {

namespace {

/// Whether the CPU has to do in float32 what this error refuses: a card, or another format, says what it has no kernel for.
bool isForTheCpu(const Backend& backend, const Error& error)
{
    return !(placeOf(backend) == Place{}) && (error.code == Errc::Unsupported || error.code == Errc::Device);
}

Result<Tensor> runThereOrHere(const Backend& backend, const AttentionMethod& method, const Inputs& inputs, const Params& params,
                              const RunContext& context, HeadResult& result)
{
    result.outputPlace = placeOf(backend);
    auto can = backend.supports(method, inputs.shape(), inputs.causal);
    auto output = can ? backend.run(method, inputs, params, context) : Result<Tensor>(can.error());
    if (output || !isForTheCpu(backend, output.error()))
        return output;
    giveNotice(output.error().what + (backend.id() == cpuBackend().id() ? " It runs in float32." : " It runs on the CPU."));
    result.outputPlace = {};
    return cpuBackend().run(method, inputs, params, context);
}

Result<void> makeMap(const Backend& backend, const AttentionMethod& method, const Inputs& inputs, const Params& params,
                     const RunContext& context, HeadResult& result)
{
    auto map = backend.scores(method, inputs, {}, params, context);
    if (!map)
        return map.error();
    result.map = *std::move(map);
    result.mapPlace = backend.computes(*result.map) ? placeOf(backend) : Place{};
    return {};
}

Result<void> takeExactWithRows(const Backend& backend, const Inputs& inputs, const RunContext& context, HeadResult& result)
{
    const auto start = std::chrono::steady_clock::now();
    auto made = backend.exactWithRows(inputs, context);
    if (!made)
        return made.error();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    result.latencyMs = took.count();
    result.outputPlace = placeOf(backend);
    result.output = std::make_shared<const Tensor>(std::move(made->output));
    result.rows = std::make_shared<const RowStatistics>(std::move(made->rows.front()));
    return {};
}

void keepNotices(const NoticeCollector& heard, HeadResult& result)
{
    result.notes.insert(result.notes.end(), heard.sentences().begin(), heard.sentences().end());
}

} // namespace

Result<HeadResult> evaluate(const Backend& backend, const AttentionMethod& method, const Inputs& inputs, const Params& params,
                            const RunContext& context)
{
    const NoticeCollector heard;
    HeadResult result;
    result.causal = inputs.causal;
    result.window = inputs.window;
    const auto start = std::chrono::steady_clock::now();
    auto output = runThereOrHere(backend, method, inputs, params, context, result);
    if (!output)
        return output.error();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    result.latencyMs = took.count();
    result.output = std::make_shared<const Tensor>(*std::move(output));
    if (auto made = makeMap(backend, method, inputs, params, context, result); !made)
        return made.error();
    keepNotices(heard, result);
    return result;
}

Result<HeadResult> evaluateExact(const Backend& backend, const Inputs& inputs, const RunContext& context)
{
    const auto method = requireMethod("softmax");
    if (!method)
        return method.error();
    const Params params = defaultParams((*method)->info().params);
    const bool whole = !comparedBySample(inputs.q.rows(), inputs.k.rows());
    const bool withRows = backend.id() != cpuBackend().id() && backend.supports(**method, inputs.shape(), inputs.causal).ok();
    if (whole && !withRows)
        return evaluate(backend, **method, inputs, params, context);
    const NoticeCollector heard;
    HeadResult result;
    result.causal = inputs.causal;
    result.window = inputs.window;
    if (whole) {
        if (auto taken = takeExactWithRows(backend, inputs, context, result); !taken)
            return isForTheCpu(backend, taken.error()) ? evaluate(backend, **method, inputs, params, context) : taken.error();
        if (auto made = makeMap(backend, **method, inputs, params, context, result); !made)
            return made.error();
        keepNotices(heard, result);
        return result;
    }
    if (auto made = makeMap(backend, **method, inputs, params, context, result); !made)
        return made.error();
    result.outputPlace = result.mapPlace;
    keepNotices(heard, result);
    return result;
}

Result<HeadResult> evaluateExact(const Inputs& inputs, const RunContext& context) { return evaluateExact(cpuBackend(), inputs, context); }

Inputs MaskChange::applied(Inputs inputs) const
{
    if (madeBidirectional || madeCausal)
        inputs.causal = madeCausal;
    if (windowDropped)
        inputs.window = 0;
    return inputs;
}

std::string MaskChange::label() const
{
    std::string form = madeBidirectional ? "bidirectional" : madeCausal ? "causal" : "";
    if (!windowDropped)
        return form;
    return form + (form.empty() ? "" : ", ") + "no window";
}

std::string MaskChange::explanation() const
{
    const std::string lacking = madeBidirectional ? "no causal form" : madeCausal ? "only a causal form" : "";
    const std::string how = madeBidirectional ? "bidirectionally" : "causally";
    if (!windowDropped)
        return lacking.empty() ? "" : lacking + ": compared " + how;
    if (lacking.empty())
        return "no form for a sliding window: compared without it";
    return lacking + " and none for a sliding window: compared " + how + " without it";
}

MaskChange maskChangeFor(const MethodInfo& method, const Inputs& inputs)
{
    return {inputs.causal && !method.supportsCausal, !inputs.causal && !method.supportsBidirectional,
            inputs.window > 0 && !method.supportsWindow};
}

Result<Comparison> compareWith(const HeadResult& exact, const AttentionMethod& method, const Inputs& inputs, const Params& params,
                               const RunContext& context)
{
    return compareWith(cpuBackend(), exact, method, inputs, params, context);
}

Result<Comparison> compareWith(const Backend& backend, const HeadResult& exact, const AttentionMethod& method, const Inputs& inputs,
                               const Params& params, const RunContext& context)
{
    Comparison comparison{exact, {}, maskChangeFor(method.info(), inputs), {}};
    const Inputs used = comparison.inputs = comparison.change.applied(inputs);
    if (comparison.change.any()) {
        auto again = evaluateExact(backend, used, context);
        if (!again)
            return again.error();
        comparison.exact = *std::move(again);
    }
    auto approximation = evaluate(backend, method, used, params, context);
    if (!approximation)
        return approximation.error();
    comparison.approximation = *std::move(approximation);
    return comparison;
}

Result<ComparisonMetrics> measure(const Comparison& comparison, const RunContext& context)
{
    if (!comparison.exact.output) {
        auto sampled = compareSampled(*comparison.exact.map, *comparison.approximation.map, comparison.inputs.vOf({}),
                                      comparison.approximation.output->matrix(), {}, context);
        if (!sampled)
            return sampled.error();
        return ComparisonMetrics{std::move(sampled->map), sampled->output};
    }
    auto map = compareMaps(*comparison.exact.map, *comparison.approximation.map, context);
    if (!map)
        return map.error();
    auto output = compareOutputs(comparison.exact.output->matrix(), comparison.approximation.output->matrix());
    if (!output)
        return output.error();
    return ComparisonMetrics{*std::move(map), *output};
}

Result<std::vector<TheoryCurve>> theoryFor(const AttentionMethod& method, const Inputs& inputs, const Params& params,
                                           const RunContext& context)
{
    return method.theory(maskChangeFor(method.info(), inputs).applied(inputs), {}, params, context);
}

} // namespace attnscope
