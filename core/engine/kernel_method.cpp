// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_method.h"

#include "core/engine/kernel_engine.h"
#include "core/engine/kernel_source.h"

#include <string>

namespace attnscope {

Cost KernelMethod::cost(const Shape& s, const Params& params, bool causal) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto rows = static_cast<double>(s.queries + s.keys);
    const Index m = features(s.dim, params);
    const double inputs = static_cast<double>(s.queries + s.keys) * static_cast<double>(s.dim + s.valueDim);
    return {kernelFlops(s, m, causal) + heads * rows * featureFlops(s.dim, params), 4.0 * heads * inputs,
            kernelBytes(s, m, causal, RunContext{}.threadCount())};
}

Result<Tensor> KernelMethod::run(const Inputs& inputs, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, inputs, params, context); !ready)
        return ready.error();
    return runKernel(inputs, *makeMap(inputs.q.cols(), inputs.effectiveScale(), params), context);
}

Result<std::shared_ptr<const ScoreSource>> KernelMethod::scores(const Inputs& inputs, HeadRef head, const Params& params,
                                                                const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, inputs, params, context); !ready)
        return ready.error();
    const Shape s = inputs.shape();
    const double need = 8.0 * static_cast<double>(s.queries + s.keys) * static_cast<double>(features(s.dim, params));
    if (need > static_cast<double>(context.memoryBudget))
        return Error{Errc::OutOfMemory,
                     "The features of " + std::to_string(s.queries) + " queries and " + std::to_string(s.keys) + " keys need about " +
                         std::to_string(static_cast<long long>(need / 1048576.0)) + " MiB, more than the budget.",
                     "Use fewer features or a shorter input."};
    return makeKernelSource(inputs, head, *makeMap(s.dim, inputs.effectiveScale(), params), context);
}

} // namespace attnscope
