// SPDX-License-Identifier: GPL-3.0-or-later
// The uniform map on the GPU: running sums of the values.
#include "gpu/cuda_method.h"
#include "gpu/kernels/average.h"

namespace attnscope::cuda_methods {

namespace {

constexpr Index kMostHeads = 65535; // of one launch

kernels::AverageProblem problemOf(const DeviceInputs& in) { return {in.v, in.o, in.shape, in.kvHeads, in.dtype, in.causal, in.window}; }

Result<void> supportsUniform(const CudaQuestion& question)
{
    if (question.shape.batch * question.shape.heads > kMostHeads)
        return Error{Errc::Unsupported, "The CUDA kernel takes at most " + std::to_string(kMostHeads) + " heads in all.",
                     "Run it on the CPU (--backend cpu)."};
    return {};
}

Result<CudaRun> prepareUniform(const DeviceInputs& inputs, const Params&, Workspace& workspace)
{
    auto scratch = workspace.takeBytes(kernels::averageBytes(problemOf(inputs)));
    if (!scratch)
        return scratch.error();
    return CudaRun([scratch = *scratch](const DeviceInputs& in, Launch& launch) -> Result<void> {
        return checkCuda(kernels::launchAverage(problemOf(in), scratch, launch.stream()), "averaging values");
    });
}

} // namespace

CudaMethod uniform() { return {"uniform", supportsUniform, prepareUniform, true}; }

} // namespace attnscope::cuda_methods
