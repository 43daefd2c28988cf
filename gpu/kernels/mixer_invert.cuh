// SPDX-License-Identifier: GPL-3.0-or-later
// Inverts unit lower triangles in shared memory, as the delta rule's chunks need, in float32.
#pragma once

#include "gpu/kernels/tf32.cuh"

namespace attnscope::kernels {

/// Where (row, col) of a square of `Columns` is; groups of 4 trade places by the row, so that reads down a column hit different banks.
template <int Columns>
__device__ int cellOf(int row, int col)
{
    return row * Columns + (col ^ ((row & 7) * 4));
}

/// The inverses of the 16 x 16 blocks on the diagonal, a thread for each column; `x` is what storeBlockColumn writes.
template <int C>
__device__ void invertBlockColumn(const float* lower, float (&x)[16])
{
    const int first = static_cast<int>(threadIdx.x) / 16 * 16;
    const int col = static_cast<int>(threadIdx.x) % 16;
#pragma unroll
    for (int i = 0; i < 16; ++i) {
        float even = i == col ? 1.0F : 0.0F;
        float odd = 0.0F;
#pragma unroll
        for (int j = 0; j < i; ++j) {
            const float a = lower[cellOf<C>(first + i, first + j)];
            (j % 2 == 0 ? even : odd) = fmaf(-a, x[j], j % 2 == 0 ? even : odd);
        }
        x[i] = even + odd;
    }
}

/// A 16 x 8 tile of the product of two squares of `half` cells in `lower`, whose first cells are given.
template <int C>
__device__ void multiplyBlocks(const float* lower, int half, int leftRow, int leftCol, int rightRow, int rightCol, float (&sum)[4])
{
    const int g = threadIdx.x % 32 / 4;
    const int t = threadIdx.x % 4;
    for (int m = 2 * t; m < half; m += 8) {
        const float2 upper = *reinterpret_cast<const float2*>(lower + cellOf<C>(leftRow + g, leftCol + m));
        const float2 below = *reinterpret_cast<const float2*>(lower + cellOf<C>(leftRow + g + 8, leftCol + m));
        const float a[4] = {upper.x, below.x, upper.y, below.y};
        const float b[2] = {lower[cellOf<C>(rightRow + m, rightCol + g)], lower[cellOf<C>(rightRow + m + 1, rightCol + g)]};
        multiplyWide<3>(sum, a, b);
    }
}

/// (I + strict)⁻¹ in place of the strictly lower triangle of `lower` [C, C], zeros above it, by all 256 threads of a block: blocks of 16
/// by substitution, then pairs of blocks, ((A, 0), (B, D))⁻¹ = ((A⁻¹, 0), (-D⁻¹ B A⁻¹, D⁻¹)), a tile of 16 x 8 for each warp.
template <int C>
__device__ void invertLower(float* lower)
{
    float x[16];
    const int tid = threadIdx.x;
    if (tid < C)
        invertBlockColumn<C>(lower, x);
    __syncthreads();
    if (tid < C)
#pragma unroll
        for (int i = 0; i < 16; ++i)
            lower[cellOf<C>(tid / 16 * 16 + i, tid)] = x[i];
    __syncthreads();
    const int warp = tid / 32;
#pragma unroll
    for (int half = 16; half < C; half *= 2) {
        const int across = half / 8; // tiles
        const int perPair = half / 16 * across;
        const bool works = warp < C / (2 * half) * perPair;
        const int base = warp / perPair * 2 * half;
        const int row0 = base + half + warp % perPair / across * 16;
        const int col0 = base + warp % across * 8;
#pragma unroll
        for (int turn = 0; turn < 2; ++turn) { // B A⁻¹ into the place of B, then -D⁻¹ times that
            float sum[4] = {};
            if (works)
                multiplyBlocks<C>(lower, half, row0, turn == 0 ? base : base + half, turn == 0 ? base : base + half, col0, sum);
            __syncthreads();
            if (works)
#pragma unroll
                for (int h = 0; h < 2; ++h)
                    *reinterpret_cast<float2*>(lower + cellOf<C>(row0 + tid % 32 / 4 + 8 * h, col0 + 2 * (tid % 4))) =
                        turn == 0 ? make_float2(sum[2 * h], sum[2 * h + 1]) : make_float2(-sum[2 * h], -sum[2 * h + 1]);
            __syncthreads();
        }
    }
}

} // namespace attnscope::kernels
