// SPDX-License-Identifier: GPL-3.0-or-later
// Float32 to 16 bits and back: one pass over memory, outside what is timed.
#include "gpu/kernels/convert.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>

namespace attnscope::kernels {

namespace {

constexpr int kThreads = 256;

__device__ void assign(__half& to, float from) { to = __float2half_rn(from); }
__device__ void assign(__nv_bfloat16& to, float from) { to = __float2bfloat16_rn(from); }
__device__ void assign(float& to, __half from) { to = __half2float(from); }
__device__ void assign(float& to, __nv_bfloat16 from) { to = __bfloat162float(from); }

template <class From, class To>
__global__ void convert(const From* from, To* to, Index count)
{
    const Index step = static_cast<Index>(gridDim.x) * kThreads;
    for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step)
        assign(to[i], from[i]);
}

template <class From, class To>
cudaError_t start(const From* from, To* to, Index count, cudaStream_t stream)
{
    if (count == 0)
        return cudaSuccess;
    const auto blocks = static_cast<unsigned>(std::min<Index>((count + kThreads - 1) / kThreads, 4096));
    convert<<<blocks, kThreads, 0, stream>>>(from, to, count);
    return cudaGetLastError();
}

} // namespace

cudaError_t launchNarrow(const float* from, void* to, Index count, Dtype dtype, cudaStream_t stream)
{
    return dtype == Dtype::F16 ? start(from, static_cast<__half*>(to), count, stream)
                               : start(from, static_cast<__nv_bfloat16*>(to), count, stream);
}

cudaError_t launchWiden(const void* from, float* to, Index count, Dtype dtype, cudaStream_t stream)
{
    return dtype == Dtype::F16 ? start(static_cast<const __half*>(from), to, count, stream)
                               : start(static_cast<const __nv_bfloat16*>(from), to, count, stream);
}

} // namespace attnscope::kernels
