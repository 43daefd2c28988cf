// SPDX-License-Identifier: GPL-3.0-or-later
// The streaming softmax of the rows that a warp holds as tensor-core accumulators: 16 rows, two of them in each thread.
//
// s[i] of a thread is row lane / 4 + 8 (i % 4 / 2) and column i / 4 * 8 + lane % 4 * 2 + i % 2 of its warp's tile.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace attnscope::kernels {

constexpr float kNever = -INFINITY;
constexpr float kLn2 = 0.69314718055994531F;
constexpr float kSplitShift = 10.0F; // weights of split operands are 2^10 times larger: their low parts stay clear of subnormals

__device__ inline float exp2Fast(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ inline std::uint32_t pack(float low, float high, __half)
{
    const __half2 both = __floats2half2_rn(low, high);
    return *reinterpret_cast<const std::uint32_t*>(&both);
}

__device__ inline std::uint32_t pack(float low, float high, __nv_bfloat16)
{
    const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const std::uint32_t*>(&both);
}

/// What a thread keeps of its two rows (lane / 4 and 8 below it) of a warpgroup's 64.
struct Rows {
    float top[2];
    float sum[2];
    float shrink[2];
};

/// Cells that are masked or beyond the keys become kNever. `limit`: keys that the thread's first row sees; `step`: how many more its
/// second one does.
template <int Count>
__device__ void maskScores(float (&s)[Count], int key0, int limit, int step)
{
    const int key = key0 + static_cast<int>(threadIdx.x % 4) * 2;
#pragma unroll
    for (int i = 0; i < Count; ++i)
        if (key + i / 4 * 8 + i % 2 >= limit + (i % 4 / 2) * step)
            s[i] = kNever;
}

/// s becomes exp2(scale (s - top)), and the sums go on.
template <int Parts, int Count>
__device__ void weigh(float (&s)[Count], Rows& rows, float scale)
{
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        float top = rows.top[r];
#pragma unroll
        for (int i = 2 * r; i < Count; i += 4)
            top = fmaxf(top, fmaxf(s[i], s[i + 1]));
        top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
        top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2));
        const float base = (top == kNever ? 0.0F : top) * scale - (Parts == 2 ? kSplitShift : 0.0F);
        rows.shrink[r] = exp2Fast((rows.top[r] - (top == kNever ? 0.0F : top)) * scale);
        rows.top[r] = top;
        float sum = 0.0F;
#pragma unroll
        for (int i = 2 * r; i < Count; i += 4) {
            s[i] = exp2Fast(fmaf(s[i], scale, -base));
            s[i + 1] = exp2Fast(fmaf(s[i + 1], scale, -base));
            sum += s[i] + s[i + 1];
        }
        rows.sum[r] = fmaf(rows.sum[r], rows.shrink[r], sum);
    }
}

template <class T, int Count>
__device__ void packWeights(const float (&s)[2 * Count], std::uint32_t (&p)[Count])
{
#pragma unroll
    for (int i = 0; i < Count; ++i)
        p[i] = pack(s[2 * i], s[2 * i + 1], T{});
}

/// o times the rows' factors.
template <int Count>
__device__ void rescale(float (&o)[Count], const float (&by)[2])
{
#pragma unroll
    for (int i = 0; i < Count; ++i)
        o[i] *= by[i % 4 / 2];
}

/// The high and the low float16 parts of weights.
template <int Count>
__device__ void splitWeights(const float (&s)[2 * Count], std::uint32_t (&high)[Count], std::uint32_t (&low)[Count])
{
#pragma unroll
    for (int i = 0; i < Count; ++i) {
        const __half2 near = __floats2half2_rn(s[2 * i], s[2 * i + 1]);
        high[i] = *reinterpret_cast<const std::uint32_t*>(&near);
        low[i] = pack(s[2 * i] - __low2float(near), s[2 * i + 1] - __high2float(near), __half{});
    }
}

} // namespace attnscope::kernels
