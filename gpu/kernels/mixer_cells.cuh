// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of 128 float32 numbers in shared memory and how inputs of any format come there and leave.
#pragma once

#include "gpu/kernels/kernel_state.cuh"
#include "gpu/kernels/mixer_invert.cuh"
#include "gpu/kernels/mixer_walk.h"

namespace attnscope::kernels::cells {

constexpr int kWide = static_cast<int>(kWalkColumns);
constexpr int kThreads = 256;

template <int Columns>
__device__ float2 twoAt(const float* tile, int row, int col)
{
    return *reinterpret_cast<const float2*>(tile + cellOf<Columns>(row, col));
}

__device__ inline float4 fourAt(const float* tile, int row, int col)
{
    return *reinterpret_cast<const float4*>(tile + cellOf<kWide>(row, col));
}

__device__ inline void loadEight(float (&x)[8], const float* from)
{
    *reinterpret_cast<float4*>(x) = __ldg(reinterpret_cast<const float4*>(from));
    *reinterpret_cast<float4*>(x + 4) = __ldg(reinterpret_cast<const float4*>(from) + 1);
}

template <class T>
__device__ void loadEight(float (&x)[8], const T* from)
{
    const uint4 bits = __ldg(reinterpret_cast<const uint4*>(from));
#pragma unroll
    for (int i = 0; i < 8; ++i)
        x[i] = part<T>(bits, i);
}

__device__ inline void storeEight(float* to, const float (&x)[8])
{
    *reinterpret_cast<float4*>(to) = make_float4(x[0], x[1], x[2], x[3]);
    *reinterpret_cast<float4*>(to + 4) = make_float4(x[4], x[5], x[6], x[7]);
}

template <class T>
__device__ void storeEight(T* to, const float (&x)[8])
{
    *reinterpret_cast<uint4*>(to) =
        make_uint4(Half<T>::pack(x[0], x[1]), Half<T>::pack(x[2], x[3]), Half<T>::pack(x[4], x[5]), Half<T>::pack(x[6], x[7]));
}

__device__ inline void storeTwo(float* to, float x, float y) { *reinterpret_cast<float2*>(to) = make_float2(x, y); }

template <class T>
__device__ void storeTwo(T* to, float x, float y)
{
    *reinterpret_cast<std::uint32_t*>(to) = Half<T>::pack(x, y);
}

__device__ inline float valueOf(float x) { return x; }
template <class T>
__device__ float valueOf(T x)
{
    return Half<T>::value(x);
}

__device__ inline void storeOne(float* to, float x) { *to = x; }
template <class T>
__device__ void storeOne(T* to, float x)
{
    *to = Half<T>::make(x);
}

__device__ inline void loadCells(float (&x)[8], const float* tile, int row, int col)
{
    *reinterpret_cast<float4*>(x) = fourAt(tile, row, col);
    *reinterpret_cast<float4*>(x + 4) = fourAt(tile, row, col + 4);
}

__device__ inline void storeCells(float* tile, int row, int col, const float (&x)[8])
{
    *reinterpret_cast<float4*>(tile + cellOf<kWide>(row, col)) = make_float4(x[0], x[1], x[2], x[3]);
    *reinterpret_cast<float4*>(tile + cellOf<kWide>(row, col + 4)) = make_float4(x[4], x[5], x[6], x[7]);
}

/// Rows `first` .. of [rows, cols] into a tile, zeros beyond, over their lengths where `unit`; 16 threads a row.
template <int C, class T>
__device__ void loadRows(float* tile, const T* from, Index first, Index rows, int cols, bool unit)
{
    const int col = static_cast<int>(threadIdx.x) % 16 * 8;
    for (int row = static_cast<int>(threadIdx.x) / 16; row < C; row += kThreads / 16) {
        float x[8] = {};
        const Index at = first + row;
        if (at >= 0 && at < rows) {
            const T* const mine = from + at * cols + col;
            if (cols % 8 == 0) {
                if (col < cols)
                    loadEight(x, mine);
            } else
                for (int i = 0; i < 8 && col + i < cols; ++i)
                    x[i] = valueOf(mine[i]);
        }
        if (unit) {
            float sum = 0.0F;
#pragma unroll
            for (int i = 0; i < 8; ++i)
                sum = fmaf(x[i], x[i], sum);
            for (int far = 1; far < 16; far *= 2)
                sum += __shfl_xor_sync(kWarp, sum, far);
            const float factor = sum > 0.0F ? 1.0F / sqrtf(sum) : 1.0F;
#pragma unroll
            for (int i = 0; i < 8; ++i)
                x[i] *= factor;
        }
        storeCells(tile, row, col, x);
    }
}

} // namespace attnscope::kernels::cells
