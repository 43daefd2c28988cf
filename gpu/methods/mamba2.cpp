// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba-2 on the GPU, with q, k and v in the places of C, B and x where the input has no such arrays.
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareMamba2(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    kernels::MixerProblem problem;
    if (auto taken = takeStateSpaceRows(in, problem, workspace); !taken)
        return taken.error();
    const bool given = in.array("g") != nullptr;
    const auto steps = gateOf(in, {"dt"}, false, params.number("dt"), workspace);
    if (!steps)
        return steps.error();
    const auto decay = given ? gateOf(in, {"g"}, false, 0.0, workspace) : gateOf(in, {"A"}, false, params.number("g"), workspace);
    if (!decay)
        return decay.error();
    problem.strength = *steps;
    problem.logDecay = *decay;
    if (!given)
        problem.rate = *steps;
    return prepareMixerRow(in, problem, workspace);
}

} // namespace

CudaMethod mamba2() { return {"mamba2", supportsMixerRow, prepareMamba2}; }

} // namespace attnscope::cuda_methods
