// SPDX-License-Identifier: GPL-3.0-or-later
// Tensor-core products of one warp, 16 rows by any columns (mma.sync, sm_80 and newer), and copies into swizzled shared memory.
//
// A tile is [columns / 64][rows][64] of 16-bit numbers; within a row of 64 the eight 16-byte pieces are permuted by the row, so that the
// loads of eight rows meet no bank twice.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace attnscope::kernels {

using Index = std::int64_t;

/// Where piece `piece` (eight numbers) of `row` is, counted in numbers, in a tile of `rows` rows.
__device__ inline int placeOf(int row, int piece, int rows) { return (piece / 8 * rows + row) * 64 + ((piece % 8) ^ (row % 8)) * 8; }

/// Starts copying rows [row0, row0 + Rows) and columns [col0, col0 + 64) of a [limit, width] matrix; zeros beyond its borders.
template <int Rows, int Threads, class T>
__device__ void copyTile(T* tile, const T* from, Index row0, Index limit, int col0, int width)
{
#pragma unroll
    for (int at = static_cast<int>(threadIdx.x); at < Rows * 8; at += Threads) {
        const int row = at / 8;
        const int piece = at % 8;
        const bool inside = row0 + row < limit && col0 + piece * 8 < width;
        const T* source = inside ? from + (row0 + row) * width + col0 + piece * 8 : from;
        const auto to = static_cast<std::uint32_t>(__cvta_generic_to_shared(tile + placeOf(row, piece, Rows)));
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(source), "r"(inside ? 16 : 0) : "memory");
    }
}

__device__ inline void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

template <int Pending>
__device__ void awaitCopies()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

template <class T>
__device__ void loadFour(std::uint32_t (&r)[4], const T* from)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(from)))
                 : "memory");
}

template <class T>
__device__ void loadFourTransposed(std::uint32_t (&r)[4], const T* from)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(from)))
                 : "memory");
}

__device__ inline void multiply(float* d, const std::uint32_t* a, std::uint32_t b0, std::uint32_t b1, __half)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline void multiply(float* d, const std::uint32_t* a, std::uint32_t b0, std::uint32_t b1, __nv_bfloat16)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// d [16, Keys] += a k^T for the rows from `row` of tile a [ARows, 64 Chunks] and all rows of tile k [Keys, 64 Chunks].
template <int Keys, int ARows, int Chunks, class T>
__device__ void addProducts(float (&d)[Keys / 2], const T* a, int row, const T* k)
{
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll(Chunks == 1 ? 4 : 2)
    for (int piece = 0; piece < 8 * Chunks; piece += 2) {
        std::uint32_t left[4];
        loadFour(left, a + placeOf(row + lane % 16, piece + lane / 16, ARows));
#pragma unroll
        for (int key = 0; key < Keys; key += 16) {
            std::uint32_t right[4];
            loadFour(right, k + placeOf(key + lane % 8 + lane / 16 * 8, piece + lane / 8 % 2, Keys));
            multiply(d + key / 2, left, right[0], right[1], T{});
            multiply(d + key / 2 + 4, left, right[2], right[3], T{});
        }
    }
}

/// o [16, D] += p v for weights p [16, Keys] in registers and tile v [Keys, D].
template <int Keys, int D, class T>
__device__ void addWeighted(float (&o)[D / 2], const std::uint32_t (&p)[Keys / 4], const T* v)
{
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int key = 0; key < Keys; key += 16)
#pragma unroll
        for (int col = 0; col < D; col += 16) {
            std::uint32_t right[4];
            loadFourTransposed(right, v + placeOf(key + lane % 16, col / 8 + lane / 16, Keys));
            multiply(o + col / 2, p + key / 4, right[0], right[1], T{});
            multiply(o + col / 2 + 4, p + key / 4, right[2], right[3], T{});
        }
}

} // namespace attnscope::kernels
