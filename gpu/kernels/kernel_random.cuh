// SPDX-License-Identifier: GPL-3.0-or-later
// What both passes of Performer on tensor cores share: sizes, and the frequencies as they are multiplied.
#pragma once

#include "gpu/kernels/kernel_state.cuh"

#include <type_traits>

namespace attnscope::kernels::random {

constexpr int kKeyThreads = 128;
constexpr int kKeyRows = 64; // keys of one stage
constexpr int kStages = 3;
constexpr int kBlockFeatures = 32 * kKeyThreads / 32;
constexpr int kMostFeatures = 256;
constexpr int kQueryThreads = 128;
constexpr int kColumns = 64; // columns of the values that a block of keys sums
constexpr float kRoom = 10.0F;

struct Problem {
    const void* q;
    const void* k;
    const void* v;
    void* o;
    const float* w;
    const float* bias; ///< of keys and of queries: the shifts that queries read hold both
    Index queries, keys, heads, kvHeads, rowsPerSplit;
    int dim, valueDim, count, features;
    float factor; ///< of W, in base 2
    float half;   ///< of |k|², in base 2
    StateParts parts, state;
};

/// W of feature f: its rows, then, where features come in pairs, their negatives.
__device__ inline float frequency(const Problem& p, int f, int d)
{
    if (f >= p.features || d >= p.dim)
        return 0.0F;
    const float w = p.factor * __ldg(p.w + (f < p.count ? f : f - p.count) * p.dim + d); // features are at most twice as many as rows
    return f < p.count ? w : -w;
}

/// Two numbers as float16, in which the projection is made whatever T is: bf16's 8 bits of W would be felt in the exponent.
template <class T>
__device__ std::uint32_t asHalves(std::uint32_t x)
{
    if constexpr (std::is_same_v<T, __half>)
        return x;
    const std::uint32_t wide = Half<__half>::pack(Half<T>::low(x), Half<T>::high(x));
    const __half2 most = __float2half2_rn(65504.0F);
    const __half2 limited = __hmin2(__hmax2(*reinterpret_cast<const __half2*>(&wide), __hneg2(most)), most);
    return *reinterpret_cast<const std::uint32_t*>(&limited);
}

} // namespace attnscope::kernels::random
