// SPDX-License-Identifier: GPL-3.0-or-later
// RWKV-6 on the GPU.
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareRwkv6(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const auto decay = gateOf(in, {"w", "g"}, true, params.number("g"), workspace);
    if (!decay)
        return decay.error();
    const auto bonus = gateOf(in, {"u"}, true, params.number("u"), workspace);
    if (!bonus)
        return bonus.error();
    kernels::MixerProblem problem;
    problem.logDecay = *decay;
    problem.bonus = *bonus;
    problem.readsBefore = true;
    return prepareMixerRow(in, problem, workspace);
}

} // namespace

CudaMethod rwkv6() { return {"rwkv6", supportsMixerRow, prepareRwkv6}; }

} // namespace attnscope::cuda_methods
