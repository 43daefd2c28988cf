// SPDX-License-Identifier: GPL-3.0-or-later
// A block that holds 16 rows of queries and meets keys 32 at a time: an online softmax in float32, whatever the keys are.
#pragma once

#include "core/base/shape.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>

namespace attnscope::kernels::rows16 {

constexpr int kRows = 16;
constexpr int kKeys = 32;
constexpr int kThreads = 128;
constexpr int kPitch = kKeys + 1;
constexpr int kLanes = kThreads / kRows; // of a row

__device__ inline float widen(float x) { return x; }
__device__ inline float widen(__half x) { return __half2float(x); }
__device__ inline float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline void narrow(float& to, float x) { to = x; }
__device__ inline void narrow(__half& to, float x) { to = __float2half_rn(x); }
__device__ inline void narrow(__nv_bfloat16& to, float x) { to = __float2bfloat16_rn(x); }

/// Rows first .. first + count - 1 of [limit, cols] into to [count, cols + 1], zeros beyond.
template <class T>
__device__ void loadRows(float* to, const T* from, Index first, Index limit, int count, int cols)
{
    for (int at = static_cast<int>(threadIdx.x); at < count * cols; at += kThreads) {
        const Index row = first + at / cols;
        to[at / cols * (cols + 1) + at % cols] = row < limit ? widen(from[row * cols + at % cols]) : 0.0F;
    }
}

__device__ inline float dotOf(const float* x, const float* y, int cols)
{
    float sum = 0.0F;
    for (int c = 0; c < cols; ++c)
        sum = fmaf(x[c], y[c], sum);
    return sum;
}

/// y . (x - y / 2).
__device__ inline float halvedDot(const float* x, const float* y, int cols)
{
    float sum = 0.0F;
    for (int c = 0; c < cols; ++c)
        sum = fmaf(fmaf(-0.5F, y[c], x[c]), y[c], sum);
    return sum;
}

/// Floats of shared memory.
__host__ __device__ constexpr int softmaxFloats(int valueDim) { return kRows * (kPitch + valueDim + 3); }

struct Softmax {
    float* weights; ///< [16, 33]: logits, then their exponentials
    float* sums;    ///< [16, Dv]
    float* top;     ///< of each row
    float* total;
    float* older;
    int valueDim;

    __device__ Softmax(float* shared, int cols)
        : weights(shared),
          sums(weights + kRows * kPitch),
          top(sums + kRows * cols),
          total(top + kRows),
          older(total + kRows),
          valueDim(cols)
    {
        for (int at = static_cast<int>(threadIdx.x); at < kRows * cols; at += kThreads)
            sums[at] = 0.0F;
        if (threadIdx.x < kRows) {
            top[threadIdx.x] = -INFINITY;
            total[threadIdx.x] = 0.0F;
        }
    }

    /// Adds the keys whose logits (-infinity: none) are in `weights`; value(key, column) is theirs. Ends with a barrier.
    template <class Value>
    __device__ void add(Value value)
    {
        __syncthreads();
        const int row = static_cast<int>(threadIdx.x) / kLanes;
        float* const mine = weights + row * kPitch + static_cast<int>(threadIdx.x) % kLanes;
        float most = -INFINITY;
        for (int j = 0; j < kKeys; j += kLanes)
            most = fmaxf(most, mine[j]);
        for (int far = kLanes / 2; far > 0; far /= 2)
            most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFFU, most, far));
        most = fmaxf(most, top[row]);
        float sum = 0.0F;
        for (int j = 0; j < kKeys; j += kLanes) {
            mine[j] = most == -INFINITY ? 0.0F : expf(mine[j] - most);
            sum += mine[j];
        }
        for (int far = kLanes / 2; far > 0; far /= 2)
            sum += __shfl_xor_sync(0xFFFFFFFFU, sum, far);
        __syncwarp();
        if (threadIdx.x % kLanes == 0) {
            older[row] = top[row] == -INFINITY ? 0.0F : expf(top[row] - most);
            total[row] = total[row] * older[row] + sum;
            top[row] = most;
        }
        __syncthreads();
        for (int at = static_cast<int>(threadIdx.x); at < kRows * valueDim; at += kThreads) {
            const int r = at / valueDim;
            float all = sums[at] * older[r];
            for (int j = 0; j < kKeys; ++j)
                all = fmaf(weights[r * kPitch + j], value(j, at % valueDim), all);
            sums[at] = all;
        }
        __syncthreads();
    }
};

} // namespace attnscope::kernels::rows16
