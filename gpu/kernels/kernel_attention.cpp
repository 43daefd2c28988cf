// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses among the kernels of kernel attention.
#include "gpu/kernels/kernel_attention.h"

namespace attnscope::kernels {

std::size_t kernelAttentionBytes(const KernelProblem& p)
{
    if (fitsElementwise(p))
        return elementwiseBytes(p);
    if (fitsCausal(p))
        return causalBytes(p);
    return fitsRandomFeatures(p) ? randomFeatureBytes(p) : generalBytes(p);
}

cudaError_t launchKernelAttention(const KernelProblem& p, void* workspace, cudaStream_t stream)
{
    if (fitsElementwise(p))
        return launchElementwise(p, workspace, stream);
    if (fitsCausal(p))
        return launchCausal(p, workspace, stream);
    return fitsRandomFeatures(p) ? launchRandomFeatures(p, workspace, stream) : launchGeneral(p, workspace, stream);
}

} // namespace attnscope::kernels
