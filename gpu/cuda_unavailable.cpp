// SPDX-License-Identifier: GPL-3.0-or-later
// Stands in for the CUDA backend where the program was built without CUDA.
#include "gpu/cuda_backend.h"

namespace attnscope {

const std::vector<const Backend*>& cudaBackends()
{
    static const std::vector<const Backend*> none;
    return none;
}

std::string cudaUnavailableReason()
{
    return ATTNSCOPE_CUDA_SWITCHED_OFF ? "This Attnscope was built without CUDA, which was switched off (ATTNSCOPE_CUDA=OFF)."
                                       : "This Attnscope was built without CUDA: no CUDA Toolkit (nvcc) was found at build time.";
}

} // namespace attnscope
