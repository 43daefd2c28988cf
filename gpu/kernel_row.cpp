// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/kernel_row.h"

#include <algorithm>

namespace attnscope {

namespace {

kernels::KernelProblem problemOf(const DeviceInputs& in, const kernels::CardMap& map)
{
    return {in.q, in.k, in.v, in.o, in.shape, in.kvHeads, in.dtype, in.causal, map};
}

} // namespace

Error onlyOnCpu(const std::string& what)
{
    return {Errc::Unsupported, "Only the CPU computes " + what + ".", "Run it on the CPU (--backend cpu), or choose another setting."};
}

Result<void> supportsKernelRow(const CudaQuestion& question)
{
    if (std::max(question.shape.dim, question.shape.valueDim) > kernels::kKernelMaxDim)
        return onlyOnCpu("this method on heads of more than " + std::to_string(kernels::kKernelMaxDim) + " columns");
    return {};
}

Result<CudaRun> prepareKernelRow(const DeviceInputs& inputs, const kernels::CardMap& map, Workspace& workspace)
{
    auto memory = workspace.takeBytes(kernels::kernelAttentionBytes(problemOf(inputs, map)));
    if (!memory)
        return memory.error();
    return CudaRun([map, memory = *memory](const DeviceInputs& in, Launch& launch) -> Result<void> {
        return checkCuda(kernels::launchKernelAttention(problemOf(in, map), memory, launch.stream()), "running kernel attention");
    });
}

} // namespace attnscope
