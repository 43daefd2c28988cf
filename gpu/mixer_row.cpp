// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/mixer_row.h"

#include "gpu/kernel_row.h"

namespace attnscope {

namespace {

kernels::MixerProblem problemOf(const DeviceInputs& in, const kernels::MixerProblem& method)
{
    kernels::MixerProblem problem = method;
    problem.q = in.q;
    problem.k = in.k;
    problem.v = in.v;
    problem.o = in.o;
    problem.shape = in.shape;
    problem.kvHeads = in.kvHeads;
    problem.dtype = in.dtype;
    return problem;
}

kernels::Gate strided(const DeviceArray& array, const DeviceInputs& in)
{
    const auto [batch, heads, rows, cols] = array.shape;
    const Index queryHeads = in.shape.heads;
    return {array.data,
            batch == 1 ? 0 : heads * rows * cols,
            heads == 1 ? 0 : rows * cols,
            rows == 1 ? 0 : cols,
            cols == 1 ? 0 : 1,
            heads == queryHeads ? 1 : queryHeads / in.kvHeads};
}

} // namespace

Result<void> supportsMixerRow(const CudaQuestion& question)
{
    if (question.shape.dim > kernels::kMixerMaxDim)
        return onlyOnCpu("this method on heads of more than " + std::to_string(kernels::kMixerMaxDim) + " columns");
    return {};
}

Result<kernels::Gate> gateOf(const DeviceInputs& in, std::initializer_list<std::string_view> names, bool channels, double constant,
                             Workspace& workspace)
{
    for (const auto name : names)
        if (const DeviceArray* const array = in.array(name)) {
            const Index rows = array->shape[2];
            const Index cols = array->shape[3];
            if ((rows != 1 && rows != in.shape.keys) || (cols != 1 && !(channels && cols == in.shape.dim)))
                return Error{Errc::InvalidShape,
                             "The array \"" + std::string(name) + "\" has " + std::to_string(rows) + " rows of " + std::to_string(cols) +
                                 " numbers, but there are " + std::to_string(in.shape.keys) + " keys.",
                             "Give one row per key or one for all, with one number" + std::string(channels ? " or one per channel." : ".")};
            return strided(*array, in);
        }
    return gateByHead(
        in, [constant](Index) { return constant; }, workspace);
}

Result<kernels::Gate> gateByHead(const DeviceInputs& in, const std::function<double(Index)>& value, Workspace& workspace)
{
    std::vector<float> values;
    for (Index h = 0; h < in.shape.heads; ++h)
        values.push_back(static_cast<float>(value(in.firstHead + h)));
    const auto uploaded = workspace.upload(std::span<const float>(values));
    if (!uploaded)
        return uploaded.error();
    return kernels::Gate{*uploaded, 0, 1, 0, 0, 1};
}

Result<CudaRun> prepareMixerRow(const DeviceInputs& inputs, const kernels::MixerProblem& method, Workspace& workspace)
{
    const std::size_t bytes = kernels::mixerBytes(problemOf(inputs, method));
    auto memory = bytes > 0 ? workspace.takeBytes(bytes) : Result<void*>(nullptr);
    if (!memory)
        return memory.error();
    return CudaRun([method, memory = *memory](const DeviceInputs& in, Launch& launch) -> Result<void> {
        return checkCuda(kernels::launchMixer(problemOf(in, method), memory, launch.stream()), "running a recurrent mixer");
    });
}

Result<void> supportsDeltaRow(const CudaQuestion& question)
{
    if (question.params && question.params->text("normalize-keys") == "off")
        return onlyOnCpu("the delta rule on keys of any length, which have to be checked first");
    return supportsMixerRow(question);
}

Result<CudaRun> prepareDeltaRow(const DeviceInputs& in, const Params& params, DeltaDecay decay, Workspace& workspace)
{
    kernels::MixerProblem problem;
    problem.scale = in.scale;
    problem.delta = true;
    problem.unitKeys = true;
    problem.unitQueries = params.text("normalize-queries") == "on";
    const auto beta = gateOf(in, {"beta"}, false, params.number("beta"), workspace);
    if (!beta)
        return beta.error();
    problem.strength = *beta;
    if (decay != DeltaDecay::None) {
        const auto g = decay == DeltaDecay::Channel ? gateOf(in, {"g", "gk"}, true, params.number("g"), workspace)
                                                    : gateOf(in, {"g"}, false, params.number("g"), workspace);
        if (!g)
            return g.error();
        problem.logDecay = *g;
    }
    return prepareMixerRow(in, problem, workspace);
}

} // namespace attnscope
