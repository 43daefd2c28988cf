// SPDX-License-Identifier: GPL-3.0-or-later
// Gated Linear Attention on the GPU.
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareGla(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const auto decay = gateOf(in, {"g", "gk"}, true, params.number("g"), workspace);
    if (!decay)
        return decay.error();
    kernels::MixerProblem problem;
    problem.scale = in.scale;
    problem.logDecay = *decay;
    return prepareMixerRow(in, problem, workspace);
}

} // namespace

CudaMethod gla() { return {"gla", supportsMixerRow, prepareGla}; }

} // namespace attnscope::cuda_methods
