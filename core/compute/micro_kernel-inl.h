// SPDX-License-Identifier: GPL-3.0-or-later
// The register-blocked product that gemm and streaming softmax are built on; compiled once per instruction set.
// (Per-target include guard, as Highway's foreach_target.h asks for.)
#if defined(ATTNSCOPE_MICRO_KERNEL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTNSCOPE_MICRO_KERNEL_INL
#undef ATTNSCOPE_MICRO_KERNEL_INL
#else
#define ATTNSCOPE_MICRO_KERNEL_INL
#endif

#include "core/base/shape.h"

#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

/// Vectors and rows of the register block: 6 x 4 of the 32 AVX-512 registers, 6 x 2 of 16.
inline constexpr int kBlockVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
inline constexpr int kBlockRows = 6;

inline Index blockCols() { return kBlockVectors * static_cast<Index>(hn::Lanes(Floats())); }

/// Where element (i, p) of A is: a[i * row + p * step].
struct Strided {
    const float* data;
    Index row;
    Index step;
};

/// Rows that will be read soon: `rows` of `cols` floats, `stride` floats apart.
struct Ahead {
    const float* data = nullptr;
    Index rows = 0;
    Index cols = 0;
    Index stride = 0;
};

inline constexpr Index kLineFloats = 16; // of a cache line

/// Asks for the rows [first, last) that are there.
HWY_INLINE void fetchRows(const Ahead& ahead, Index first, Index last)
{
    for (Index i = first; i < last && i < ahead.rows; ++i)
        for (Index c = 0; c < ahead.cols; c += kLineFloats)
            hwy::Prefetch(ahead.data + i * ahead.stride + c);
}

/// Rows of B [k, ..] are ldb apart, rows of C ldc; C (+)= scale * A B.
struct BlockTask {
    Index k;
    Strided a;
    const float* b;
    Index ldb;
    float* c;
    Index ldc;
    float scale;
    bool add;
    const float* rowFactors = nullptr; ///< C = rowFactors_i A B instead, where it is there and nothing is added
};

template <int R, int V>
HWY_INLINE void clearSums(hn::Vec<Floats> (&sums)[R][V])
{
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < V; ++j)
            sums[i][j] = hn::Zero(Floats());
}

/// sums += A B for R rows of A [R, k] and V vectors of B [k, ..].
template <int R, int V>
HWY_INLINE void addProduct(hn::Vec<Floats> (&sums)[R][V], Index k, const Strided& left, const float* HWY_RESTRICT b, Index ldb)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const float* HWY_RESTRICT a = left.data;
    for (Index p = 0; p < k; ++p, b += ldb, a += left.step) {
        hn::Vec<Floats> row[V];
#pragma GCC unroll 4
        for (int j = 0; j < V; ++j)
            row[j] = hn::LoadU(d, b + j * n);
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) {
            const auto x = hn::Set(d, a[i * left.row]);
#pragma GCC unroll 4
            for (int j = 0; j < V; ++j)
                sums[i][j] = hn::MulAdd(x, row[j], sums[i][j]);
        }
    }
}

/// R rows and V vectors of C.
template <int R, int V>
HWY_INLINE void multiplyBlock(const BlockTask& t, Index firstRow)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    hn::Vec<Floats> sums[R][V];
    clearSums<R, V>(sums);
    addProduct<R, V>(sums, t.k, {t.a.data + firstRow * t.a.row, t.a.row, t.a.step}, t.b, t.ldb);
    const auto factor = hn::Set(d, t.scale);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
        float* c = t.c + (firstRow + i) * t.ldc;
        const auto own = t.rowFactors ? hn::Set(d, t.rowFactors[firstRow + i]) : factor;
#pragma GCC unroll 4
        for (int j = 0; j < V; ++j)
            hn::StoreU(t.add ? hn::MulAdd(factor, sums[i][j], hn::LoadU(d, c + j * n)) : hn::Mul(own, sums[i][j]), d, c + j * n);
    }
}

template <int V>
void multiplyVectors(Index rows, const BlockTask& t)
{
    Index i = 0;
    for (; i + kBlockRows <= rows; i += kBlockRows)
        multiplyBlock<kBlockRows, V>(t, i);
    if (i + 4 <= rows) {
        multiplyBlock<4, V>(t, i);
        i += 4;
    }
    if (i + 2 <= rows) {
        multiplyBlock<2, V>(t, i);
        i += 2;
    }
    if (i < rows)
        multiplyBlock<1, V>(t, i);
}

/// C [rows, vectors of a block] (+)= scale * A [rows, k] B [k, the same].
inline void multiplyRows(Index rows, const BlockTask& t, Index vectors = kBlockVectors)
{
    if constexpr (kBlockVectors == 4) {
        if (vectors == 4)
            return multiplyVectors<4>(rows, t);
        if (vectors == 3)
            return multiplyVectors<3>(rows, t);
    }
    return vectors == 2 ? multiplyVectors<2>(rows, t) : multiplyVectors<1>(rows, t);
}

#if HWY_TARGET != HWY_SCALAR
/// Rows and columns of four vectors of four change places.
template <class V>
HWY_INLINE void transpose4(V (&r)[4])
{
    const hn::FixedTag<float, 4> d;
    const auto low01 = hn::InterleaveLower(d, r[0], r[1]);
    const auto low23 = hn::InterleaveLower(d, r[2], r[3]);
    const auto high01 = hn::InterleaveUpper(d, r[0], r[1]);
    const auto high23 = hn::InterleaveUpper(d, r[2], r[3]);
    r[0] = hn::ConcatLowerLower(d, low23, low01);
    r[1] = hn::ConcatUpperUpper(d, low23, low01);
    r[2] = hn::ConcatLowerLower(d, high23, high01);
    r[3] = hn::ConcatUpperUpper(d, high23, high01);
}
#endif

/// to [k, count] = from [count, k] transposed.
inline void transposeInto(const float* from, Index fromStride, Index count, Index k, float* HWY_RESTRICT to, Index toStride)
{
    Index j = 0;
#if HWY_TARGET != HWY_SCALAR
    const hn::FixedTag<float, 4> d;
    for (; j + 4 <= count; j += 4) {
        const float* r = from + j * fromStride;
        Index p = 0;
        for (; p + 4 <= k; p += 4) {
            hn::Vec<hn::FixedTag<float, 4>> block[4] = {hn::LoadU(d, r + p), hn::LoadU(d, r + fromStride + p),
                                                        hn::LoadU(d, r + 2 * fromStride + p), hn::LoadU(d, r + 3 * fromStride + p)};
            transpose4(block);
            for (Index i = 0; i < 4; ++i)
                hn::StoreU(block[i], d, to + (p + i) * toStride + j);
        }
        for (; p < k; ++p)
            for (Index i = 0; i < 4; ++i)
                to[p * toStride + j + i] = r[i * fromStride + p];
    }
#endif
    for (; j < count; ++j)
        for (Index p = 0; p < k; ++p)
            to[p * toStride + j] = from[j * fromStride + p];
}

/// panel [k, width] = rows of `b` [width, k] transposed; columns count .. width are 0.
inline void packTransposed(const float* b, Index stride, Index count, Index k, float* HWY_RESTRICT panel, Index width)
{
    transposeInto(b, stride, count, k, panel, width);
    for (Index p = 0; p < k; ++p)
        for (Index i = count; i < width; ++i)
            panel[p * width + i] = 0.0F;
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
