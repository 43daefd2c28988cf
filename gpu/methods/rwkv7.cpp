// SPDX-License-Identifier: GPL-3.0-or-later
// RWKV-7 on the GPU.
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareRwkv7(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const auto decay = gateOf(in, {"w", "g"}, true, params.number("g"), workspace);
    if (!decay)
        return decay.error();
    const auto rate = gateOf(in, {"a"}, true, params.number("a"), workspace);
    if (!rate)
        return rate.error();
    const auto bonus = gateOf(in, {"u"}, true, params.number("u"), workspace);
    if (!bonus)
        return bonus.error();
    kernels::MixerProblem problem;
    problem.logDecay = *decay;
    problem.correction = *rate;
    problem.bonus = *bonus;
    if (const DeviceArray* const kappa = in.array("kappa")) {
        if (kappa->shape[2] != in.shape.keys || kappa->shape[3] != in.shape.dim)
            return Error{Errc::InvalidShape,
                         "The array \"kappa\" is " + std::to_string(kappa->shape[2]) + " x " + std::to_string(kappa->shape[3]) +
                             ", but the keys are " + std::to_string(in.shape.keys) + " x " + std::to_string(in.shape.dim) + ".",
                         "Give one removal key per token, as wide as the keys."};
        problem.removal = gateOfArray(*kappa, in);
    }
    return prepareMixerRow(in, problem, workspace);
}

} // namespace

CudaMethod rwkv7() { return {"rwkv7", supportsMixerRow, prepareRwkv7}; }

} // namespace attnscope::cuda_methods
