// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_method.h"

#include "core/engine/kernel_engine.h"
#include "core/engine/kernel_forms.h"
#include "core/engine/kernel_source.h"
#include "core/engine/map_product.h"

#include <algorithm>
#include <string>

namespace attnscope {

namespace {

TensorView<const float> asTensor(MatrixView<const float> m) { return {m.data, {1, 1, m.rows, m.cols}, {0, 0, m.stride}}; }

Inputs oneHead(const Inputs& in, HeadRef head)
{
    return {asTensor(in.qOf(head)), asTensor(in.kOf(head)), asTensor(in.vOf(head)), in.causal, in.effectiveScale(), in.owner};
}

} // namespace

Cost KernelMethod::cost(const Shape& s, const Params& params, bool causal) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto rows = static_cast<double>(s.queries + s.keys);
    const Index m = features(s.dim, params);
    const double inputs = static_cast<double>(s.queries + s.keys) * static_cast<double>(s.dim + s.valueDim);
    return {kernelFlops(s, m, causal, isPlain(params)) + heads * rows * featureFlops(s.dim, params), 4.0 * heads * inputs,
            kernelBytes(s, m, causal, RunContext{}.threadCount())};
}

Result<Tensor> KernelMethod::run(const Inputs& inputs, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, inputs, params, context); !ready)
        return ready.error();
    return runBy(runKernel, inputs, params, context);
}

Result<Tensor> KernelMethod::runForm(std::string_view form, const Inputs& inputs, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, inputs, params, context); !ready)
        return ready.error();
    if (form == "recurrent")
        return runBy(runKernelTokens, inputs, params, context);
    return form == "matrix" ? runByMap(*this, inputs, params, context) : AttentionMethod::runForm(form, inputs, params, context);
}

Result<Tensor> KernelMethod::runBy(Engine engine, const Inputs& inputs, const Params& params, const RunContext& context) const
{
    if (!mapPerHead(params)) {
        const auto map = inputMap(inputs, {}, params, context);
        if (!map)
            return map.error();
        return engine(inputs, **map, context);
    }
    const Shape s = inputs.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    for (Index h = 0; h < s.batch * s.heads; ++h) {
        const HeadRef head{h / s.heads, h % s.heads};
        RunContext part = context;
        part.progress = [&context, h, count = s.batch * s.heads](double f) {
            context.report((static_cast<double>(h) + f) / static_cast<double>(count));
        };
        auto map = inputMap(inputs, head, params, part);
        if (!map)
            return map.error();
        const auto one = engine(oneHead(inputs, head), **map, context);
        if (!one)
            return one.error();
        std::copy(one->values().begin(), one->values().end(), out.matrix(head).data);
    }
    return out;
}

std::unique_ptr<const FeatureMap> KernelMethod::makeMap(Index, float, const Params&) const { return nullptr; }

Result<std::unique_ptr<const FeatureMap>> KernelMethod::inputMap(const Inputs& inputs, HeadRef, const Params& params,
                                                                 const RunContext&) const
{
    return makeMap(inputs.q.cols(), inputs.effectiveScale(), params);
}

Result<std::shared_ptr<const ScoreSource>> KernelMethod::scores(const Inputs& inputs, HeadRef head, const Params& params,
                                                                const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, inputs, head, params, context); !ready)
        return ready.error();
    const Shape s = inputs.shape();
    const double need = kernelSourceBytes(s.queries, s.keys, features(s.dim, params));
    if (need > static_cast<double>(context.memoryBudget))
        return Error{Errc::OutOfMemory,
                     "The features of " + std::to_string(s.queries) + " queries and " + std::to_string(s.keys) + " keys need about " +
                         std::to_string(static_cast<long long>(need / 1048576.0)) + " MiB, more than the budget.",
                     "Use fewer features or a shorter input."};
    auto map = inputMap(inputs, head, params, context);
    if (!map)
        return map.error();
    return makeKernelSource(inputs, head, std::shared_ptr<const FeatureMap>(*std::move(map)), context, provenance(params));
}

} // namespace attnscope
