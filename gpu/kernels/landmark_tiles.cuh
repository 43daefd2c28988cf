// SPDX-License-Identifier: GPL-3.0-or-later
// Attention of 16 rows a warp to tiles of 64 keys at float32 accuracy: products of TF32 numbers, float32 ones as two of them each.
//
// x = high + low with high = x rounded to 11 significant bits: a product from high high + high low + low high leaves out at most
// 2^-22 |x y|. 16-bit numbers are their own high part. Inverses of nearly singular matrices magnify what weights are rounded by, so that
// weights are split even where the inputs have 16 bits, unless there is no inverse.
//
// Tiles are kept as the tensor cores' right operands lie in a warp: 16 bytes a thread, one after the other. Sums don't care for the order
// of their terms, so a thread's columns are chosen to be neighbours in memory: rows are read and written 32 bytes a thread or more.
#pragma once

#include "core/base/shape.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>
#include <type_traits>

namespace attnscope::kernels::few {

constexpr int kKeys = 64; // of a tile
constexpr int kKeyBlocks = kKeys / 8;

__device__ inline float widen(float x) { return x; }
__device__ inline float widen(__half x) { return __half2float(x); }
__device__ inline float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline void narrow(float& to, float x) { to = x; }
__device__ inline void narrow(__half& to, float x) { to = __float2half_rn(x); }
__device__ inline void narrow(__nv_bfloat16& to, float x) { to = __float2bfloat16_rn(x); }

/// x rounded to what the tensor cores read of it.
__device__ inline float highPart(float x) { return __uint_as_float((__float_as_uint(x) + 0x1000U) & 0xFFFFE000U); }

__device__ inline float exp2Fast(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/// Parts of an operand: 1 where it has 11 significant bits, 2 where all of float32 counts, kRounded where it may be rounded to one.
constexpr int kRounded = 0;

/// Left operands of one product: 16 rows, 8 columns.
template <int Parts>
struct Left {
    float high[4];
    float low[Parts == 2 ? 4 : 1];

    __device__ Left(float a, float b, float c, float d) : high{a, b, c, d}
    {
        if constexpr (Parts != 1)
            for (int i = 0; i < 4; ++i) {
                const float x = high[i];
                high[i] = highPart(x);
                if constexpr (Parts == 2)
                    low[i] = x - high[i];
            }
    }
};

__device__ inline void multiply(float (&d)[4], const float* a, float b0, float b1)
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])), "r"(__float_as_uint(a[3])),
                   "r"(__float_as_uint(b0)), "r"(__float_as_uint(b1)));
}

/// Two products that share 16 bytes of right operands; the smaller terms first.
template <int LeftParts, int RightParts>
__device__ void multiplyParts(float (&d0)[4], float (&d1)[4], const Left<LeftParts>& a0, const Left<LeftParts>& a1, float4 b)
{
    float4 low{};
    if constexpr (RightParts == kRounded)
        b = {highPart(b.x), highPart(b.y), highPart(b.z), highPart(b.w)};
    if constexpr (RightParts == 2) {
        const float4 x = b;
        b = {highPart(x.x), highPart(x.y), highPart(x.z), highPart(x.w)};
        low = {x.x - b.x, x.y - b.y, x.z - b.z, x.w - b.w};
    }
    if constexpr (LeftParts == 2) {
        multiply(d0, a0.low, b.x, b.y);
        multiply(d1, a1.low, b.z, b.w);
    }
    if constexpr (RightParts == 2) {
        multiply(d0, a0.high, low.x, low.y);
        multiply(d1, a1.high, low.z, low.w);
    }
    multiply(d0, a0.high, b.x, b.y);
    multiply(d1, a1.high, b.z, b.w);
}

/// Columns [col0, col0 + Count) of a row of `width`; zeros beyond. `aligned`: rows are multiples of 16 bytes.
template <int Count, class T>
__device__ void loadColumns(float (&x)[Count], const T* row, int col0, int width, bool aligned)
{
    constexpr int each = 16 / sizeof(T);
    if (aligned) {
#pragma unroll
        for (int c = 0; c < Count; c += each) {
            uint4 raw{};
            if (col0 + c < width)
                raw = *reinterpret_cast<const uint4*>(row + col0 + c);
            const T* values = reinterpret_cast<const T*>(&raw);
#pragma unroll
            for (int i = 0; i < each; ++i)
                x[c + i] = widen(values[i]);
        }
        return;
    }
#pragma unroll
    for (int c = 0; c < Count; ++c)
        x[c] = col0 + c < width ? widen(row[col0 + c]) : 0.0F;
}

template <int Count, class T>
__device__ void storeColumns(T* row, const float (&x)[Count], int col0, int width, bool aligned)
{
    constexpr int each = 16 / sizeof(T);
    if (aligned) {
#pragma unroll
        for (int c = 0; c < Count; c += each) {
            uint4 raw;
            T* values = reinterpret_cast<T*>(&raw);
#pragma unroll
            for (int i = 0; i < each; ++i)
                narrow(values[i], x[c + i]);
            if (col0 + c < width)
                *reinterpret_cast<uint4*>(row + col0 + c) = raw;
        }
        return;
    }
#pragma unroll
    for (int c = 0; c < Count; ++c)
        if (col0 + c < width)
            narrow(row[col0 + c], x[c]);
}

/// A matrix of one head.
template <class T>
struct Matrix {
    const T* data;
    int rows;
    int cols;
    bool aligned; ///< rows are multiples of 16 bytes

    template <int Count>
    __device__ void load(float (&x)[Count], int row, int col0) const
    {
        loadColumns(x, data + static_cast<Index>(row) * cols, col0, row < rows ? cols : 0, aligned);
    }
};

/// A tile of keys, of values and |k|² / 2, in shared memory.
template <int D>
struct Tile {
    static constexpr int pairs = D / 16; ///< 16-byte pieces of a thread in a block of 8 keys
    static constexpr int bytes = 2 * kKeys * D * 4 + kKeys * 4;
    float4* keys;
    float4* values;
    float* halves;

    __device__ explicit Tile(unsigned char* raw)
        : keys(reinterpret_cast<float4*>(raw)), values(keys + kKeys * D / 4), halves(reinterpret_cast<float*>(values + kKeys * D / 4))
    {
    }
    __device__ float4 key(int block, int piece) const { return keys[(block * pairs + piece) * 32 + threadIdx.x % 32]; }
    __device__ float4 value(int block, int piece) const
    {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        return values[(block * pairs + piece) * 32 + (lane ^ lane / 8 % 2 * 4)];
    }

    template <int Warps, class T>
    __device__ void loadKeys(const Matrix<T>& from, int key0, bool wantHalves) const
    {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        for (int block = static_cast<int>(threadIdx.x) / 32; block < kKeyBlocks; block += Warps) {
            float x[D / 4];
            from.load(x, key0 + block * 8 + lane / 4, lane % 4 * (D / 4));
#pragma unroll
            for (int i = 0; i < pairs; ++i)
                keys[(block * pairs + i) * 32 + lane] = {x[4 * i], x[4 * i + 1], x[4 * i + 2], x[4 * i + 3]};
            if (!wantHalves)
                continue;
            float sum = 0.0F;
#pragma unroll
            for (int i = 0; i < D / 4; ++i)
                sum = fmaf(x[i], x[i], sum);
            sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 1);
            sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 2);
            if (lane % 4 == 0)
                halves[block * 8 + lane / 4] = 0.5F * sum;
        }
    }

    /// Two keys a thread; the swapped halves of every other quarter spread the writes over all banks.
    template <int Warps, class T>
    __device__ void loadValues(const Matrix<T>& from, int key0) const
    {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const int pair = lane % 4;
        const int quarter = lane / 4 % 4;
        const int half = lane / 16;
        for (int block = static_cast<int>(threadIdx.x) / 32; block < kKeyBlocks; block += Warps) {
            float x[D / 8];
            float y[D / 8];
            from.load(x, key0 + block * 8 + 2 * pair, quarter * (D / 4) + half * (D / 8));
            from.load(y, key0 + block * 8 + 2 * pair + 1, quarter * (D / 4) + half * (D / 8));
#pragma unroll
            for (int i = 0; i < D / 32; ++i)
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    const int slot = ((2 * quarter + e) * 4 + pair) ^ quarter % 2 * 4;
                    values[(block * pairs + half * (D / 32) + i) * 32 + slot] = {x[4 * i + e], y[4 * i + e], x[4 * i + 2 + e],
                                                                                 y[4 * i + 2 + e]};
                }
        }
    }
};

/// A warp's 16 rows: this thread's are lane / 4 and the one 8 below, of which it keeps a quarter of the columns.
template <int D>
struct Warp {
    float q[2][D / 4];
    float o[D / 8][4] = {};
    float top[2] = {-INFINITY, -INFINITY}; ///< of logits times log2(e)
    float sum[2] = {0.0F, 0.0F};
    float half[2] = {0.0F, 0.0F}; ///< |q|² / 2

    template <class T>
    __device__ void load(const Matrix<T>& from, int row)
    {
        const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
        for (int r = 0; r < 2; ++r)
            from.load(q[r], row + lane / 4 + 8 * r, lane % 4 * (D / 4));
    }
    /// For Gaussian kernels, whose exponents are never positive and whose rows aren't divided by their sums.
    __device__ void makeGaussian()
    {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            float sum = 0.0F;
#pragma unroll
            for (int i = 0; i < D / 4; ++i)
                sum = fmaf(q[r][i], q[r][i], sum);
            sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 1);
            sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 2);
            half[r] = 0.5F * sum;
            top[r] = 0.0F;
        }
    }

    template <int LeftParts, int RightParts>
    __device__ void scores(float (&s)[kKeyBlocks][4], const Tile<D>& tile) const;
    __device__ void weigh(float (&s)[kKeyBlocks][4], const Tile<D>& tile, int keys, float scale, bool gaussian);
    template <int LeftParts, int RightParts, bool Fresh>
    __device__ void addValues(const float (&p)[kKeyBlocks][4], const Tile<D>& tile);

    /// One tile of which `keys` count. Two parts on both sides: a fresh sum a tile, as the tensor cores cut off what they add.
    template <int LeftParts, int RightParts, bool Rounds = false>
    __device__ void attend(const Tile<D>& tile, int keys, float scale, bool gaussian)
    {
        float s[kKeyBlocks][4] = {};
        scores<LeftParts, RightParts>(s, tile);
        weigh(s, tile, keys, scale, gaussian);
        if constexpr (Rounds)
            addValues<kRounded, kRounded, false>(s, tile);
        else
            addValues<2, RightParts, LeftParts == 2 && RightParts == 2>(s, tile);
    }

    /// The rows' sums, which four threads share.
    __device__ float total(int r) const
    {
        float all = sum[r];
        all += __shfl_xor_sync(0xFFFFFFFFU, all, 1);
        return all + __shfl_xor_sync(0xFFFFFFFFU, all, 2);
    }
    template <class T>
    __device__ void store(T* row, int r, float by, int width, bool aligned) const
    {
        float x[D / 4];
#pragma unroll
        for (int j = 0; j < D / 8; ++j) {
            x[2 * j] = o[j][2 * r] * by;
            x[2 * j + 1] = o[j][2 * r + 1] * by;
        }
        storeColumns(row, x, static_cast<int>(threadIdx.x) % 4 * (D / 4), width, aligned);
    }
};

template <int D>
template <int LeftParts, int RightParts>
__device__ void Warp<D>::scores(float (&s)[kKeyBlocks][4], const Tile<D>& tile) const
{
#pragma unroll
    for (int i = 0; i < Tile<D>::pairs; ++i) {
        const Left<LeftParts> first(q[0][4 * i], q[1][4 * i], q[0][4 * i + 1], q[1][4 * i + 1]);
        const Left<LeftParts> second(q[0][4 * i + 2], q[1][4 * i + 2], q[0][4 * i + 3], q[1][4 * i + 3]);
#pragma unroll
        for (int block = 0; block < kKeyBlocks; ++block)
            multiplyParts<LeftParts, RightParts>(s[block], s[block], first, second, tile.key(block, i));
    }
}

/// s becomes the weights, and the running maxima and sums go on.
template <int D>
__device__ void Warp<D>::weigh(float (&s)[kKeyBlocks][4], const Tile<D>& tile, int keys, float scale, bool gaussian)
{
    const int first = static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
    for (int block = 0; block < kKeyBlocks; ++block)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int key = block * 8 + first + i % 2;
            float x = s[block][i];
            if (gaussian)
                x -= half[i / 2] + tile.halves[key];
            s[block][i] = key < keys ? x * scale : -INFINITY;
        }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        float above = top[r];
        if (!gaussian) {
#pragma unroll
            for (int block = 0; block < kKeyBlocks; ++block)
                above = fmaxf(above, fmaxf(s[block][2 * r], s[block][2 * r + 1]));
            above = fmaxf(above, __shfl_xor_sync(0xFFFFFFFFU, above, 1));
            above = fmaxf(above, __shfl_xor_sync(0xFFFFFFFFU, above, 2));
        }
        const float shrink = exp2Fast(top[r] - above);
        top[r] = above;
        sum[r] *= shrink;
#pragma unroll
        for (int block = 0; block < kKeyBlocks; ++block)
#pragma unroll
            for (int i = 2 * r; i < 2 * r + 2; ++i) {
                s[block][i] = exp2Fast(s[block][i] - above);
                sum[r] += s[block][i];
            }
#pragma unroll
        for (int j = 0; j < D / 8; ++j) {
            o[j][2 * r] *= shrink;
            o[j][2 * r + 1] *= shrink;
        }
    }
}

template <int D>
template <int LeftParts, int RightParts, bool Fresh>
__device__ void Warp<D>::addValues(const float (&p)[kKeyBlocks][4], const Tile<D>& tile)
{
    const auto add = [&](float(&to)[D / 8][4]) {
#pragma unroll
        for (int block = 0; block < kKeyBlocks; ++block) {
            const Left<LeftParts> weights(p[block][0], p[block][2], p[block][1], p[block][3]);
#pragma unroll
            for (int i = 0; i < Tile<D>::pairs; ++i)
                multiplyParts<LeftParts, RightParts>(to[2 * i], to[2 * i + 1], weights, weights, tile.value(block, i));
        }
    };
    if constexpr (Fresh) {
        float fresh[D / 8][4] = {};
        add(fresh);
#pragma unroll
        for (int j = 0; j < D / 8; ++j)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                o[j][i] += fresh[j][i];
    } else {
        add(o);
    }
}

template <class T>
inline constexpr int kPartsOf = std::is_same_v<T, float> ? 2 : 1;

/// Whether rows of that many numbers are multiples of 16 bytes.
template <class T>
__device__ constexpr bool isAligned(Index cols)
{
    return cols * static_cast<Index>(sizeof(T)) % 16 == 0;
}

} // namespace attnscope::kernels::few
