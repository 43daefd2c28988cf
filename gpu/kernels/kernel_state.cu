// SPDX-License-Identifier: GPL-3.0-or-later
// Merges the sums over keys that the blocks of a state kernel left behind.
//
// Ladder (version, what it does, measured on an H100, 2026-11-23):
//   1  one block a feature, one thread a column, parts in order: 28 us for 132 parts of 64 x 64 and 8 heads. Lesson: 132 loads in a
//      row are latency alone.
//   2  8 slices of the parts at once, each in order, so that the result still doesn't depend on scheduling: 23 us for the 50 parts of
//      Performer's 256 features x 64 columns and 8 heads.
#include "gpu/kernels/kernel_state.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

constexpr int kSlices = 8; // of the parts, each in order

__global__ void mergeKernel(StateParts in, StateParts out, int used, bool normalise, bool shifted)
{
    extern __shared__ float sums[]; // [kSlices, columns + 1]
    const int f = blockIdx.x;
    const auto unit = static_cast<Index>(blockIdx.y);
    const Index first = unit * in.splits * in.features + f;
    const int c = threadIdx.x;
    const int width = in.columns + 1;
    float top = kNothing;
    for (int s = threadIdx.x; s < in.splits && shifted; s += 32)
        top = fmaxf(top, in.shifts[first + static_cast<Index>(s) * in.features]);
    for (int far = 16; far > 0; far /= 2)
        top = fmaxf(top, __shfl_xor_sync(kWarp, top, far));
    for (int at = threadIdx.x + 32 * threadIdx.y; at < kSlices * width; at += 32 * kSlices)
        sums[at] = 0.0F;
    __syncthreads();
    for (int col = c; col < width; col += 32) {
        const float* const from = col < in.columns ? in.values + first * in.columns + col : in.weights + first;
        const Index step = static_cast<Index>(in.features) * (col < in.columns ? in.columns : 1);
        float sum = 0.0F;
#pragma unroll 4
        for (int s = static_cast<int>(threadIdx.y); s < in.splits; s += kSlices)
            sum += from[s * step] * (shifted ? exp2f(in.shifts[first + static_cast<Index>(s) * in.features] - top) : 1.0F);
        sums[static_cast<int>(threadIdx.y) * width + col] = sum;
    }
    __syncthreads();
    const auto total = [&](int col) {
        float sum = 0.0F;
        for (int s = 0; s < kSlices; ++s)
            sum += sums[s * width + col];
        return sum;
    };
    const float weight = total(in.columns);
    const Index row = unit * in.features + f;
    for (int col = c + 32 * static_cast<int>(threadIdx.y); col < in.columns; col += 32 * kSlices)
        out.values[row * in.columns + col] = f < used ? (normalise ? total(col) / weight : total(col)) : 0.0F;
    if (c == 0 && threadIdx.y == 0) {
        out.weights[row] = f >= used ? 0.0F : normalise ? 1.0F : weight;
        out.shifts[row] = f >= used ? kNothing : normalise ? top + log2f(weight) : top;
    }
}

} // namespace

cudaError_t mergeParts(const StateParts& parts, const StateParts& out, Index units, int used, bool normalise, bool shifted,
                       cudaStream_t stream)
{
    const dim3 blocks(static_cast<unsigned>(parts.features), static_cast<unsigned>(units));
    const std::size_t bytes = sizeof(float) * kSlices * static_cast<std::size_t>(parts.columns + 1);
    mergeKernel<<<blocks, dim3(32, kSlices), bytes, stream>>>(parts, out, used, normalise, shifted);
    return cudaGetLastError();
}

Index splitKeys(Index keys, Index units, Index blocks, Index step, Index* rows)
{
    const Index steps = (keys + step - 1) / step;
    const Index wanted = std::clamp<Index>((blocks + units - 1) / units, 1, steps);
    *rows = (steps + wanted - 1) / wanted * step;
    return (keys + *rows - 1) / *rows;
}

} // namespace attnscope::kernels
