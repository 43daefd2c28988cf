// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba-2 on the GPU, with q, k and v in the places of C, B and x.
#include "gpu/kernel_row.h"
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareMamba2(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    for (const auto* const name : {"B", "C", "D"})
        if (in.array(name))
            return onlyOnCpu(std::string("Mamba-2 with an array ") + name);
    const bool given = in.array("g") != nullptr;
    const auto steps = gateOf(in, {"dt"}, false, params.number("dt"), workspace);
    if (!steps)
        return steps.error();
    const auto decay = given ? gateOf(in, {"g"}, false, 0.0, workspace) : gateOf(in, {"A"}, false, params.number("g"), workspace);
    if (!decay)
        return decay.error();
    kernels::MixerProblem problem;
    problem.strength = *steps;
    problem.logDecay = *decay;
    if (!given)
        problem.rate = *steps;
    return prepareMixerRow(in, problem, workspace);
}

} // namespace

CudaMethod mamba2() { return {"mamba2", supportsMixerRow, prepareMamba2}; }

} // namespace attnscope::cuda_methods
