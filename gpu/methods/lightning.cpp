// SPDX-License-Identifier: GPL-3.0-or-later
// Lightning Attention on the GPU.
#include "gpu/mixer_row.h"

#include <algorithm>
#include <cmath>

namespace attnscope::cuda_methods {

namespace {

/// As in core/methods/lightning.cpp.
double logDecayOf(const Params& params, double head, double heads)
{
    const double layers = params.number("layers");
    const double layer = std::min(params.number("layer"), layers - 1.0);
    if (params.text("schedule") == "fla")
        return -8.0 / heads * (1.0 - layer / layers) * head;
    return -std::pow(2.0, -8.0 * (head + 1.0) / heads) * (1.0 - layer / (layers - 1.0 + 1e-5) + 1e-5);
}

Result<CudaRun> prepareLightning(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const auto heads = static_cast<double>(in.layerHeads);
    const auto decay = gateByHead(
        in, [&params, heads](Index head) { return logDecayOf(params, static_cast<double>(head), heads); }, workspace);
    if (!decay)
        return decay.error();
    kernels::MixerProblem problem;
    problem.logDecay = *decay;
    return prepareMixerRow(in, problem, workspace);
}

} // namespace

CudaMethod lightning() { return {"lightning", supportsMixerRow, prepareLightning}; }

} // namespace attnscope::cuda_methods
