// SPDX-License-Identifier: GPL-3.0-or-later
// Splits float32 into two float16 and pads rows: passes over memory before the products.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-23, 8 heads, n = 16,384):
//   1  one pass for the largest value, one to split, for each of q, k, v. Predicted: 12 bytes a number, 0.1 ms at D = 64. Measured, as
//      what a whole float32 run takes beyond its products: 0.20 ms at D = 64 (2.68 against 2.48), 0.32 at D = 128 (4.92 against 4.60).
#include "gpu/kernels/split.h"

#include <cuda_fp16.h>

#include <algorithm>
#include <cstdint>

namespace attnscope::kernels {

namespace {

constexpr int kThreads = 256;
constexpr int kLargestExponent = 13; // of scaled values: their products stay far below float32's end
constexpr int kMostShift = 60;

__global__ void largest(const float* from, Index perHead, unsigned* top)
{
    const float* head = from + static_cast<Index>(blockIdx.y) * perHead;
    unsigned found = 0;
    for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < perHead; i += static_cast<Index>(gridDim.x) * kThreads)
        found = max(found, __float_as_uint(fabsf(head[i]))); // bits of non-negative floats are ordered as they are
    found = __reduce_max_sync(0xffffffffU, found);
    if (threadIdx.x % 32 == 0)
        atomicMax(top + blockIdx.y, found);
}

__global__ void toFactor(const unsigned* top, float* factors, int heads)
{
    const int head = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    if (head >= heads)
        return;
    const float size = __uint_as_float(top[head]);
    const int shift = size > 0.0F && isfinite(size) ? kLargestExponent - ilogbf(size) : 0;
    factors[head] = exp2f(static_cast<float>(max(-kMostShift, min(kMostShift, shift))));
}

__global__ void split(const float* from, __half* to, const float* factors, Index heads, Index rows, int cols, int padded, int parts)
{
    const Index each = rows * padded;
    const float factor = factors[blockIdx.y];
    const float* head = from + static_cast<Index>(blockIdx.y) * rows * cols;
    __half* high = to + static_cast<Index>(blockIdx.y) * each;
    for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < each; i += static_cast<Index>(gridDim.x) * kThreads) {
        const Index row = i / padded;
        const int col = static_cast<int>(i - row * padded);
        const float x = col < cols ? head[row * cols + col] * factor : 0.0F;
        const __half near = __float2half_rn(x);
        high[i] = near;
        if (parts == 2)
            high[heads * each + i] = __float2half_rn(x - __half2float(near));
    }
}

__global__ void pad(const std::uint16_t* from, std::uint16_t* to, Index count, int cols, int padded)
{
    for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += static_cast<Index>(gridDim.x) * kThreads) {
        const Index row = i / padded;
        const int col = static_cast<int>(i - row * padded);
        to[i] = col < cols ? from[row * cols + col] : std::uint16_t{0};
    }
}

unsigned blocksFor(Index count, Index most) { return static_cast<unsigned>(std::clamp<Index>((count + kThreads - 1) / kThreads, 1, most)); }

} // namespace

cudaError_t launchFactors(const float* from, Index heads, Index perHead, unsigned* scratch, float* factors, cudaStream_t stream)
{
    const auto count = static_cast<unsigned>(heads);
    if (const auto status = cudaMemsetAsync(scratch, 0, count * sizeof(unsigned), stream); status != cudaSuccess)
        return status;
    largest<<<dim3(blocksFor(perHead / 8, 256), count), kThreads, 0, stream>>>(from, perHead, scratch);
    toFactor<<<blocksFor(heads, 65535), kThreads, 0, stream>>>(scratch, factors, static_cast<int>(heads));
    return cudaGetLastError();
}

cudaError_t launchSplit(const float* from, void* to, const float* factors, Index heads, Index rows, Index cols, Index padded, int parts,
                        cudaStream_t stream)
{
    split<<<dim3(blocksFor(rows * padded / 4, 1024), static_cast<unsigned>(heads)), kThreads, 0, stream>>>(
        from, static_cast<__half*>(to), factors, heads, rows, static_cast<int>(cols), static_cast<int>(padded), parts);
    return cudaGetLastError();
}

cudaError_t launchPad(const void* from, void* to, Index rows, Index cols, Index padded, cudaStream_t stream)
{
    const Index count = rows * padded;
    pad<<<blocksFor(count, 4096), kThreads, 0, stream>>>(static_cast<const std::uint16_t*>(from), static_cast<std::uint16_t*>(to), count,
                                                         static_cast<int>(cols), static_cast<int>(padded));
    return cudaGetLastError();
}

} // namespace attnscope::kernels
