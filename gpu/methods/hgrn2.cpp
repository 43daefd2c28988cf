// SPDX-License-Identifier: GPL-3.0-or-later
// HGRN2 on the GPU.
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareHgrn2(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    kernels::MixerProblem problem;
    problem.scale = in.scale;
    problem.gatesAsKeys = true;
    problem.keysAsGates = params.text("gate") == "keys" && !in.array("g") && !in.array("gk");
    if (!problem.keysAsGates) {
        const auto decay = gateOf(in, {"g", "gk"}, true, params.number("g"), workspace);
        if (!decay)
            return decay.error();
        problem.logDecay = *decay;
    }
    return prepareMixerRow(in, problem, workspace);
}

} // namespace

CudaMethod hgrn2() { return {"hgrn2", supportsMixerRow, prepareHgrn2}; }

} // namespace attnscope::cuda_methods
