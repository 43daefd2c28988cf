// SPDX-License-Identifier: GPL-3.0-or-later
// A kernel of one thread that says which instruction set it was compiled for.
#include "gpu/kernels/hopper_code.h"

namespace attnscope::kernels {

namespace {

__global__ void sayHopperCode(int* found)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    *found = 1;
#else
    *found = 0;
#endif
}

} // namespace

cudaError_t findHopperCode(bool& found)
{
    int* onCard = nullptr;
    int answer = 0;
    auto status = cudaMalloc(&onCard, sizeof(int));
    if (status != cudaSuccess)
        return status;
    sayHopperCode<<<1, 1>>>(onCard);
    status = cudaGetLastError();
    if (status == cudaSuccess)
        status = cudaMemcpy(&answer, onCard, sizeof(int), cudaMemcpyDeviceToHost);
    cudaFree(onCard);
    found = answer == 1;
    return status;
}

} // namespace attnscope::kernels
