// SPDX-License-Identifier: GPL-3.0-or-later
// Warp-level matrix instructions of sm_80 and later on 16-bit inputs, and the loads that feed them.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace attnscope::kernels {

template <class T>
struct Half;

template <>
struct Half<__nv_bfloat16> {
    static __device__ float low(std::uint32_t x) { return __uint_as_float(x << 16); }
    static __device__ float high(std::uint32_t x) { return __uint_as_float(x & 0xFFFF0000U); }
    static __device__ std::uint32_t pack(float low, float high)
    {
        std::uint32_t r;
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
        return r;
    }
    static __device__ void mma(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1)
    {
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
    static __device__ __nv_bfloat16 make(float x) { return __float2bfloat16(x); }
    static __device__ float value(__nv_bfloat16 x) { return __bfloat162float(x); }
};

template <>
struct Half<__half> {
    static __device__ float low(std::uint32_t x) { return __half2float(__ushort_as_half(static_cast<unsigned short>(x & 0xFFFFU))); }
    static __device__ float high(std::uint32_t x) { return __half2float(__ushort_as_half(static_cast<unsigned short>(x >> 16))); }
    static __device__ std::uint32_t pack(float low, float high)
    {
        std::uint32_t r;
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
        return r;
    }
    static __device__ void mma(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1)
    {
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
    static __device__ __half make(float x) { return __float2half(x); }
    static __device__ float value(__half x) { return __half2float(x); }
};

/// Number i (of 8) of a 16-byte load.
template <class T>
__device__ float part(const uint4& x, int i)
{
    const std::uint32_t word = i < 2 ? x.x : i < 4 ? x.y : i < 6 ? x.z : x.w;
    return (i & 1) != 0 ? Half<T>::high(word) : Half<T>::low(word);
}

/// Numbers i of two 16-byte loads, beside each other.
__device__ inline std::uint32_t pairOf(const uint4& a, const uint4& b, int i)
{
    const std::uint32_t x = i < 2 ? a.x : i < 4 ? a.y : i < 6 ? a.z : a.w;
    const std::uint32_t y = i < 2 ? b.x : i < 4 ? b.y : i < 6 ? b.z : b.w;
    return __byte_perm(x, y, (i & 1) != 0 ? 0x7632 : 0x5410);
}

__device__ inline float exp2Fast(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/// Addresses in shared memory as the instructions below take them.
__device__ inline std::uint32_t sharedAddress(const void* shared) { return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared)); }

__device__ inline void loadMatrices(std::uint32_t (&r)[4], std::uint32_t at)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
}

__device__ inline void loadTransposed(std::uint32_t (&r)[4], std::uint32_t at)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
}

/// 16 bytes into shared memory without a stop in registers; zeros where not `valid`.
__device__ inline void copyAsync(std::uint32_t at, const void* global, bool valid)
{
    const int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(global), "r"(bytes) : "memory");
}

__device__ inline void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits until at most `Left` groups of copies are on their way.
template <int Left>
__device__ void waitForCopies()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(Left) : "memory");
}

} // namespace attnscope::kernels
