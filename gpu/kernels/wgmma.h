// SPDX-License-Identifier: GPL-3.0-or-later
// wgmma: D[64 x N] += A[64 x 16] B[16 x N] of a warpgroup, 16-bit operands, float32 sums (PTX ISA 9.7.15, sm_90a).
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

// clang-format off
namespace attnscope::kernels::hopper {

/// Bit pattern of a shared-memory matrix with 128-byte swizzle. K-major: `leading` is unused and `stride` is the distance between groups
/// of 8 rows. MN-major: `leading` is that between groups of 64 columns, `stride` that between groups of 8 rows of K. In bytes.
__device__ inline std::uint64_t describe(const void* tile, unsigned leading, unsigned stride)
{
    const auto address = static_cast<std::uint64_t>(__cvta_generic_to_shared(tile));
    return ((address & 0x3ffffU) >> 4U) | (static_cast<std::uint64_t>(leading >> 4U) << 16U) |
           (static_cast<std::uint64_t>(stride >> 4U) << 32U) | (std::uint64_t{1} << 62U);
}

/// `zero`: D = A B. Both shared: B K-major. A in registers: B MN-major.
template <class T, int N>
struct Wgmma;

#define ATTNSCOPE_ACC4(i) "+f"(d[i]), "+f"(d[(i) + 1]), "+f"(d[(i) + 2]), "+f"(d[(i) + 3])
#define ATTNSCOPE_ACC16(i) ATTNSCOPE_ACC4(i), ATTNSCOPE_ACC4((i) + 4), ATTNSCOPE_ACC4((i) + 8), ATTNSCOPE_ACC4((i) + 12)
#define ATTNSCOPE_WGMMA(T, NAME, N, LIST, A0, A1, A2, A3, A4, ...) \
    template <> struct Wgmma<T, N> { \
        static __device__ void shared(float (&d)[N / 2], std::uint64_t a, std::uint64_t b, bool zero) { \
            asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" A2 ", 0;\nwgmma.mma_async.sync.aligned.m64n" #N "k16.f32." NAME "." NAME \
                         " {" LIST "}, %" A0 ", %" A1 ", p, 1, 1, 0, 0;\n}" : __VA_ARGS__ : "l"(a), "l"(b), "r"(static_cast<int>(!zero))); \
        } \
        static __device__ void registers(float (&d)[N / 2], const std::uint32_t* a, std::uint64_t b, bool zero) { \
            asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" A5_##N ", 0;\nwgmma.mma_async.sync.aligned.m64n" #N "k16.f32." NAME "." NAME \
                         " {" LIST "}, {%" A0 ", %" A1 ", %" A2 ", %" A3 "}, %" A4 ", p, 1, 1, 1;\n}" \
                         : __VA_ARGS__ : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(!zero))); \
        } \
    }

#define ATTNSCOPE_LIST64 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, " \
    "%24, %25, %26, %27, %28, %29, %30, %31"
#define A5_64 "37"
ATTNSCOPE_WGMMA(__half, "f16", 64, ATTNSCOPE_LIST64, "32", "33", "34", "35", "36",
                ATTNSCOPE_ACC16(0), ATTNSCOPE_ACC16(16));
ATTNSCOPE_WGMMA(__nv_bfloat16, "bf16", 64, ATTNSCOPE_LIST64, "32", "33", "34", "35", "36",
                ATTNSCOPE_ACC16(0), ATTNSCOPE_ACC16(16));
#define ATTNSCOPE_LIST128 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, " \
    "%24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define A5_128 "69"
ATTNSCOPE_WGMMA(__half, "f16", 128, ATTNSCOPE_LIST128, "64", "65", "66", "67", "68",
                ATTNSCOPE_ACC16(0), ATTNSCOPE_ACC16(16), ATTNSCOPE_ACC16(32), ATTNSCOPE_ACC16(48));
ATTNSCOPE_WGMMA(__nv_bfloat16, "bf16", 128, ATTNSCOPE_LIST128, "64", "65", "66", "67", "68",
                ATTNSCOPE_ACC16(0), ATTNSCOPE_ACC16(16), ATTNSCOPE_ACC16(32), ATTNSCOPE_ACC16(48));
#define ATTNSCOPE_LIST176 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, " \
    "%24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, %70, %71, " \
    "%72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87"
#define A5_176 "93"
ATTNSCOPE_WGMMA(__half, "f16", 176, ATTNSCOPE_LIST176, "88", "89", "90", "91", "92",
                ATTNSCOPE_ACC16(0), ATTNSCOPE_ACC16(16), ATTNSCOPE_ACC16(32), ATTNSCOPE_ACC16(48), ATTNSCOPE_ACC16(64), ATTNSCOPE_ACC4(80), ATTNSCOPE_ACC4(84));
ATTNSCOPE_WGMMA(__nv_bfloat16, "bf16", 176, ATTNSCOPE_LIST176, "88", "89", "90", "91", "92",
                ATTNSCOPE_ACC16(0), ATTNSCOPE_ACC16(16), ATTNSCOPE_ACC16(32), ATTNSCOPE_ACC16(48), ATTNSCOPE_ACC16(64), ATTNSCOPE_ACC4(80), ATTNSCOPE_ACC4(84));
#define ATTNSCOPE_LIST256 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, " \
    "%24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, %70, %71, " \
    "%72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, " \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, " \
    "%120, %121, %122, %123, %124, %125, %126, %127"
#define A5_256 "133"
ATTNSCOPE_WGMMA(__half, "f16", 256, ATTNSCOPE_LIST256, "128", "129", "130", "131", "132",
                ATTNSCOPE_ACC16(0), ATTNSCOPE_ACC16(16), ATTNSCOPE_ACC16(32), ATTNSCOPE_ACC16(48), ATTNSCOPE_ACC16(64), ATTNSCOPE_ACC16(80), ATTNSCOPE_ACC16(96), ATTNSCOPE_ACC16(112));
ATTNSCOPE_WGMMA(__nv_bfloat16, "bf16", 256, ATTNSCOPE_LIST256, "128", "129", "130", "131", "132",
                ATTNSCOPE_ACC16(0), ATTNSCOPE_ACC16(16), ATTNSCOPE_ACC16(32), ATTNSCOPE_ACC16(48), ATTNSCOPE_ACC16(64), ATTNSCOPE_ACC16(80), ATTNSCOPE_ACC16(96), ATTNSCOPE_ACC16(112));

#undef ATTNSCOPE_WGMMA
#undef ATTNSCOPE_ACC16
#undef ATTNSCOPE_ACC4

} // namespace attnscope::kernels::hopper
// clang-format on
