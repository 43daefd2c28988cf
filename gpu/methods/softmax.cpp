// SPDX-License-Identifier: GPL-3.0-or-later
// Exact streaming softmax attention on the GPU.
#include "gpu/kernels/softmax.h"
#include "gpu/cuda_method.h"

#include <algorithm>

namespace attnscope::cuda_methods {

namespace {

Result<void> supportsSoftmax(const CudaQuestion& question)
{
    if (std::max(question.shape.dim, question.shape.valueDim) > kernels::kSoftmaxMaxDim)
        return Error{Errc::Unsupported, "The CUDA kernel takes heads of at most " + std::to_string(kernels::kSoftmaxMaxDim) + " columns.",
                     "Run it on the CPU (--backend cpu)."};
    if (question.dtype != Dtype::F32)
        return Error{Errc::Unsupported, "The CUDA kernel computes in f32.", "Choose --dtype f32."};
    return {};
}

Result<CudaRun> prepareSoftmax(const DeviceInputs&, const Params&, Workspace&)
{
    return CudaRun([](const DeviceInputs& in, Launch& launch) -> Result<void> {
        const kernels::SoftmaxProblem problem{static_cast<const float*>(in.q),
                                              static_cast<const float*>(in.k),
                                              static_cast<const float*>(in.v),
                                              static_cast<float*>(in.o),
                                              in.shape,
                                              in.kvHeads,
                                              in.scale,
                                              in.causal};
        return checkCuda(kernels::launchSoftmax(problem, launch.stream()), "starting softmax");
    });
}

} // namespace

CudaMethod softmax() { return {"softmax", supportsSoftmax, prepareSoftmax}; }

} // namespace attnscope::cuda_methods
