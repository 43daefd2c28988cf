// SPDX-License-Identifier: GPL-3.0-or-later
// Retention on the GPU.
#include "gpu/mixer_row.h"

#include <cmath>

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareRetention(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const double given = params.number("gamma");
    const auto decay = gateByHead(
        in, [given](Index head) { return std::log(given > 0.0 ? given : 1.0 - std::pow(2.0, -5.0 - static_cast<double>(head))); },
        workspace);
    if (!decay)
        return decay.error();
    kernels::MixerProblem problem;
    problem.scale = in.scale;
    problem.logDecay = *decay;
    return prepareMixerRow(in, problem, workspace);
}

} // namespace

CudaMethod retention() { return {"retention", supportsMixerRow, prepareRetention}; }

} // namespace attnscope::cuda_methods
