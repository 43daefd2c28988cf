// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/cuda_error.h"

namespace attnscope {

Result<void> checkCuda(cudaError_t status, const char* doing)
{
    if (status == cudaSuccess)
        return {};
    cudaGetLastError(); // clears the error that is not sticky, so that the next call starts fresh
    if (status == cudaErrorMemoryAllocation)
        return Error{Errc::OutOfMemory, "The GPU has not enough memory left.",
                     "Shorten the input, choose one head, or run on the CPU (--backend cpu)."};
    return Error{Errc::Device, std::string("The GPU failed while ") + doing + ": " + cudaGetErrorString(status) + ".",
                 "Run on the CPU (--backend cpu); if it happens again, check the driver with nvidia-smi."};
}

} // namespace attnscope
