// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/mixer_row.h"

#include "gpu/kernel_row.h"
#include "gpu/kernels/mixer_arrays.h"

#include <algorithm>

namespace attnscope {

namespace {

kernels::MixerProblem problemOf(const DeviceInputs& in, const kernels::MixerProblem& method)
{
    kernels::MixerProblem problem = method;
    problem.q = method.q ? method.q : in.q;
    problem.k = method.k ? method.k : in.k;
    problem.v = in.v;
    problem.o = in.o;
    problem.shape = in.shape;
    if (method.q || method.k)
        problem.shape.dim = method.shape.dim;
    problem.kvHeads = in.kvHeads;
    problem.dtype = in.dtype;
    return problem;
}

/// The array as rows of the inputs' format, [batch, heads, rows, its columns], from its row `firstRow` on.
Result<const void*> spread(const DeviceArray& array, const DeviceInputs& in, Index heads, Index rows, Index firstRow, Workspace& workspace)
{
    const auto [batch, arrayHeads, arrayRows, cols] = array.shape;
    const Index count = in.shape.batch * heads * rows * cols;
    auto to = workspace.takeBytes(static_cast<std::size_t>(count * bytesOf(in.dtype)));
    if (!to)
        return to.error();
    kernels::Gate from{array.data,        batch == 1 ? 0 : arrayHeads * arrayRows * cols, arrayRows * cols, cols, cols == 1 ? 0 : 1,
                       heads / arrayHeads};
    Shape shape = in.shape;
    shape.heads = heads;
    const auto status = kernels::launchSpread(from, firstRow, in.shape.batch, shape, rows, cols, *to, in.dtype, workspace.stream());
    if (auto done = checkCuda(status, "preparing a state space model"); !done)
        return done.error();
    return static_cast<const void*>(*to);
}

Error wrongRows(std::string_view name, const DeviceArray& array)
{
    return {Errc::InvalidShape,
            "The array \"" + std::string(name) + "\" is " + std::to_string(array.shape[2]) + " x " + std::to_string(array.shape[3]) +
                ", which doesn't go with the tokens and the other of B and C.",
            "Give B one row per key and C one row per query or key, of the same width."};
}

} // namespace

kernels::Gate gateOfArray(const DeviceArray& array, const DeviceInputs& in)
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
            return gateOfArray(*array, in);
        }
    return gateByHead(
        in, [constant](Index) { return constant; }, workspace);
}

Result<kernels::Gate> gateOfRow(std::span<const float> row, Workspace& workspace)
{
    const auto uploaded = workspace.upload(row);
    if (!uploaded)
        return uploaded.error();
    return kernels::Gate{*uploaded, 0, 0, 0, row.size() == 1 ? 0 : 1, 1};
}

Result<void> takeStateSpaceRows(const DeviceInputs& in, kernels::MixerProblem& problem, Workspace& workspace)
{
    const DeviceArray* const b = in.array("B");
    const DeviceArray* const c = in.array("C");
    const Index width = b ? b->shape[3] : in.shape.dim;
    if (b && b->shape[2] != in.shape.keys)
        return wrongRows("B", *b);
    if (c && (c->shape[3] != width || (c->shape[2] != in.shape.queries && c->shape[2] != in.shape.keys)))
        return wrongRows("C", *c);
    if (!c && width != in.shape.dim)
        return wrongRows("B", *b);
    if (width > kernels::kMixerMaxDim)
        return onlyOnCpu("state space models of more than " + std::to_string(kernels::kMixerMaxDim) + " states");
    problem.shape.dim = width;
    if (b) {
        problem.keyHeads = std::max(b->shape[1], in.kvHeads);
        const auto k = spread(*b, in, problem.keyHeads, in.shape.keys, 0, workspace);
        if (!k)
            return k.error();
        problem.k = *k;
    }
    if (c) {
        const auto q = spread(*c, in, in.shape.heads, in.shape.queries, c->shape[2] == in.shape.keys ? in.shape.keys - in.shape.queries : 0,
                              workspace);
        if (!q)
            return q.error();
        problem.q = *q;
    }
    if (in.array("D")) {
        const auto skip = gateOf(in, {"D"}, false, 0.0, workspace);
        if (!skip)
            return skip.error();
        problem.skip = *skip;
    }
    return {};
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
