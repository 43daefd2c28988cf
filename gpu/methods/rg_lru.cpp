// SPDX-License-Identifier: GPL-3.0-or-later
// RG-LRU on the GPU, where one map serves all channels: a mixer whose queries and keys are the number 1.
#include "gpu/kernel_row.h"
#include "gpu/kernels/mixer_arrays.h"
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<const void*> ones(const DeviceInputs& in, Index heads, Index rows, const kernels::Gate& one, Workspace& workspace)
{
    auto to = workspace.takeBytes(static_cast<std::size_t>(in.shape.batch * heads * rows * bytesOf(in.dtype)));
    if (!to)
        return to.error();
    Shape shape = in.shape;
    shape.heads = heads;
    const auto status = kernels::launchSpread(one, 0, in.shape.batch, shape, rows, 1, *to, in.dtype, workspace.stream());
    if (auto done = checkCuda(status, "preparing RG-LRU"); !done)
        return done.error();
    return static_cast<const void*>(*to);
}

Result<CudaRun> prepareRgLru(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    for (const auto* const name : {"g", "beta"})
        if (const DeviceArray* const array = in.array(name); array != nullptr && array->shape[3] > 1)
            return onlyOnCpu(std::string("RG-LRU with an array ") + name + " that differs by value channel");
    const auto decay = gateOf(in, {"g"}, false, params.number("g"), workspace);
    if (!decay)
        return decay.error();
    const auto input = gateOf(in, {"beta"}, false, params.number("beta"), workspace);
    if (!input)
        return input.error();
    const auto strengths = workspace.take<float>(in.shape.batch * in.shape.heads * in.shape.keys);
    if (!strengths)
        return strengths.error();
    const auto status =
        kernels::launchGatedStrengths(*decay, *input, params.text("start") == "official", in.shape, *strengths, workspace.stream());
    if (auto done = checkCuda(status, "preparing RG-LRU"); !done)
        return done.error();
    const float one = 1.0F;
    const auto constant = gateOfRow({&one, 1}, workspace);
    if (!constant)
        return constant.error();
    const auto q = ones(in, in.shape.heads, in.shape.queries, *constant, workspace);
    if (!q)
        return q.error();
    const auto k = ones(in, in.kvHeads, in.shape.keys, *constant, workspace);
    if (!k)
        return k.error();
    kernels::MixerProblem problem;
    problem.q = *q;
    problem.k = *k;
    problem.shape.dim = 1;
    problem.logDecay = *decay;
    problem.strength = {*strengths, in.shape.heads * in.shape.keys, in.shape.keys, 1, 0, 1};
    return prepareMixerRow(in, problem, workspace);
}

Result<void> supportsRgLru(const CudaQuestion&) { return {}; }

} // namespace

CudaMethod rg_lru() { return {"rg-lru", supportsRgLru, prepareRgLru}; }

} // namespace attnscope::cuda_methods
