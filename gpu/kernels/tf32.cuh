// SPDX-License-Identifier: GPL-3.0-or-later
// Products of float32 numbers on the tensor cores as TF32 (mma.sync m16n8k8, sm_80 and newer), alone or as three that keep float32's
// accuracy: x = high + low with high of 11 significant bits; high high + high low + low high leaves out 2^-22 of a product.
#pragma once

#include <cstdint>

namespace attnscope::kernels {

__device__ inline std::uint32_t roundTf32(float x)
{
    std::uint32_t r;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
    return r;
}

__device__ inline void multiplyTf32(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// c [16, 8] += a [16, 8] b [8, 8] in `Terms` (1 or 3) products. A thread's a: (row g, column 2 t), (g + 8, 2 t), (g, 2 t + 1),
/// (g + 8, 2 t + 1) for g = lane / 4, t = lane % 4; b: (2 t, g), (2 t + 1, g); c: (g, 2 t), (g, 2 t + 1), then row g + 8.
template <int Terms>
__device__ void multiplyWide(float (&c)[4], const float (&a)[4], const float (&b)[2])
{
    std::uint32_t highA[4];
    std::uint32_t highB[2];
#pragma unroll
    for (int i = 0; i < 4; ++i)
        highA[i] = roundTf32(a[i]);
#pragma unroll
    for (int i = 0; i < 2; ++i)
        highB[i] = roundTf32(b[i]);
    if (Terms == 3) {
        std::uint32_t lowA[4];
        std::uint32_t lowB[2];
#pragma unroll
        for (int i = 0; i < 4; ++i)
            lowA[i] = __float_as_uint(a[i] - __uint_as_float(highA[i]));
#pragma unroll
        for (int i = 0; i < 2; ++i)
            lowB[i] = __float_as_uint(b[i] - __uint_as_float(highB[i]));
        multiplyTf32(c, lowA, highB);
        multiplyTf32(c, highA, lowB);
    }
    multiplyTf32(c, highA, highB);
}

} // namespace attnscope::kernels
