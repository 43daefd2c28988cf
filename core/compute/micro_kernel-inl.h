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

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

/// Vectors and rows of the register block: 8 x 2 of the 32 AVX-512 registers, 6 x 2 of 16.
inline constexpr int kBlockVectors = 2;
inline constexpr int kBlockRows = HWY_TARGET <= HWY_AVX3 ? 8 : 6;

inline Index blockCols() { return kBlockVectors * static_cast<Index>(hn::Lanes(Floats())); }

/// Where element (i, p) of A is: a[i * row + p * step].
struct Strided {
    const float* data;
    Index row;
    Index step;
};

/// C [R, blockCols] (+)= scale * A [R, k] B [k, blockCols]; rows of B are ldb apart, rows of C ldc.
template <int R>
HWY_INLINE void multiplyBlock(Index k, Strided a, const float* HWY_RESTRICT b, Index ldb, float* HWY_RESTRICT c, Index ldc, float scale,
                              bool add)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    hn::Vec<Floats> sums[R][kBlockVectors];
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
        sums[i][0] = hn::Zero(d);
        sums[i][1] = hn::Zero(d);
    }
    for (Index p = 0; p < k; ++p) {
        const auto b0 = hn::LoadU(d, b + p * ldb);
        const auto b1 = hn::LoadU(d, b + p * ldb + n);
        const float* column = a.data + p * a.step;
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) {
            const auto x = hn::Set(d, column[i * a.row]);
            sums[i][0] = hn::MulAdd(x, b0, sums[i][0]);
            sums[i][1] = hn::MulAdd(x, b1, sums[i][1]);
        }
    }
    const auto factor = hn::Set(d, scale);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
        float* row = c + i * ldc;
        const auto old0 = add ? hn::LoadU(d, row) : hn::Zero(d);
        const auto old1 = add ? hn::LoadU(d, row + n) : hn::Zero(d);
        hn::StoreU(hn::MulAdd(factor, sums[i][0], old0), d, row);
        hn::StoreU(hn::MulAdd(factor, sums[i][1], old1), d, row + n);
    }
}

/// multiplyBlock for any number of rows.
inline void multiplyRows(Index rows, Index k, Strided a, const float* b, Index ldb, float* c, Index ldc, float scale, bool add)
{
    Index i = 0;
    for (; i + kBlockRows <= rows; i += kBlockRows)
        multiplyBlock<kBlockRows>(k, {a.data + i * a.row, a.row, a.step}, b, ldb, c + i * ldc, ldc, scale, add);
    for (; i + 2 <= rows; i += 2)
        multiplyBlock<2>(k, {a.data + i * a.row, a.row, a.step}, b, ldb, c + i * ldc, ldc, scale, add);
    if (i < rows)
        multiplyBlock<1>(k, {a.data + i * a.row, a.row, a.step}, b, ldb, c + i * ldc, ldc, scale, add);
}

/// panel [k, width] = rows of `b` [width, k] transposed; columns count .. width are 0.
inline void packTransposed(const float* b, Index stride, Index count, Index k, float* HWY_RESTRICT panel, Index width)
{
#if HWY_TARGET != HWY_SCALAR
    const hn::FixedTag<float, 4> d;
#endif
    Index j = 0;
    for (; j + 4 <= count; j += 4) {
        const float* r = b + j * stride;
        Index p = 0;
#if HWY_TARGET != HWY_SCALAR
        for (; p + 4 <= k; p += 4) {
            const auto r0 = hn::LoadU(d, r + p);
            const auto r1 = hn::LoadU(d, r + stride + p);
            const auto r2 = hn::LoadU(d, r + 2 * stride + p);
            const auto r3 = hn::LoadU(d, r + 3 * stride + p);
            const auto low01 = hn::InterleaveLower(d, r0, r1);
            const auto low23 = hn::InterleaveLower(d, r2, r3);
            const auto high01 = hn::InterleaveUpper(d, r0, r1);
            const auto high23 = hn::InterleaveUpper(d, r2, r3);
            hn::StoreU(hn::ConcatLowerLower(d, low23, low01), d, panel + p * width + j);
            hn::StoreU(hn::ConcatUpperUpper(d, low23, low01), d, panel + (p + 1) * width + j);
            hn::StoreU(hn::ConcatLowerLower(d, high23, high01), d, panel + (p + 2) * width + j);
            hn::StoreU(hn::ConcatUpperUpper(d, high23, high01), d, panel + (p + 3) * width + j);
        }
#endif
        for (; p < k; ++p)
            for (Index i = 0; i < 4; ++i)
                panel[p * width + j + i] = r[i * stride + p];
    }
    for (; j < count; ++j)
        for (Index p = 0; p < k; ++p)
            panel[p * width + j] = b[j * stride + p];
    for (Index p = 0; p < k; ++p)
        for (Index i = count; i < width; ++i)
            panel[p * width + i] = 0.0F;
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
