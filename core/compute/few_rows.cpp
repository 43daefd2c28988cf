// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/few_rows.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/few_rows.h"
#include "core/compute/scratch.h"

#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

// (Shared by all targets, hence the guard.)
#ifndef ATTNSCOPE_FEW_ROWS_TASK
#define ATTNSCOPE_FEW_ROWS_TASK
namespace attnscope {

struct FewRows {
    MatrixView<const float> a;
    MatrixView<const float> b;
    MatrixView<float> c;
    float scale;
    bool add;
    float* panel; ///< A with its rows interleaved vector by vector: far rows would meet in few places of the nearest cache
};

} // namespace attnscope
#endif

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

constexpr Index kFetchAhead = 1024; // floats; the hardware's own fetches stop at each page

/// One vector of each row, at depth p, into the sums of number u.
template <int R, int J, int U>
HWY_INLINE void multiplyVectors(const FewRows& t, Index j, Index p, Index ahead, int u, hn::Vec<Floats> (&sums)[R][J][U])
{
    const Floats d;
    hn::Vec<Floats> y[J];
#pragma GCC unroll 4
    for (int i = 0; i < J; ++i) {
        const float* b = t.b.row(j + i) + p;
        __builtin_prefetch(b + ahead, 0, 3);
        y[i] = hn::LoadU(d, b);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
        const auto x = hn::LoadU(d, t.panel + p * R + r * static_cast<Index>(hn::Lanes(d)));
#pragma GCC unroll 4
        for (int i = 0; i < J; ++i)
            sums[r][i][u] = hn::MulAdd(x, y[i], sums[r][i][u]);
    }
}

/// R rows of A with the J rows of B from j on, in U independent sums each.
template <int R, int J, int U>
HWY_INLINE void multiplyBlock(const FewRows& t, Index j)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const Index k = t.b.cols;
    const Index ahead = J == 1 ? kFetchAhead : J * t.b.stride; // one row goes on into the next, several go on with the next ones
    hn::Vec<Floats> sums[R][J][U];
#pragma GCC unroll 16
    for (int i = 0; i < R * J * U; ++i)
        sums[i / (J * U)][i / U % J][i % U] = hn::Zero(d);
    Index p = 0;
    for (; p + U * n <= k; p += U * n)
#pragma GCC unroll 8
        for (int u = 0; u < U; ++u)
            multiplyVectors<R, J, U>(t, j, p + u * n, ahead, u, sums);
    for (; p + n <= k; p += n)
        multiplyVectors<R, J, U>(t, j, p, ahead, 0, sums);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int i = 0; i < J; ++i) {
            auto all = sums[r][i][0];
#pragma GCC unroll 8
            for (int u = 1; u < U; ++u)
                all = hn::Add(all, sums[r][i][u]);
            float sum = hn::GetLane(hn::SumOfLanes(d, all));
            for (Index rest = p; rest < k; ++rest)
                sum += t.a(r, rest) * t.b(j + i, rest);
            t.c(r, j + i) = t.scale * sum + (t.add ? t.c(r, j + i) : 0.0F);
        }
}

template <int R, int J, int U>
void multiplyAll(const FewRows& t)
{
    Index j = 0;
    for (; j + J <= t.b.rows; j += J)
        multiplyBlock<R, J, U>(t, j);
    for (; j < t.b.rows; ++j)
        multiplyBlock<R, 1, U>(t, j);
}

void packFew(const FewRows& t)
{
    const auto n = static_cast<Index>(hn::Lanes(Floats()));
    float* to = t.panel;
    for (Index p = 0; p + n <= t.a.cols; p += n)
        for (Index r = 0; r < t.a.rows; ++r, to += n)
            std::copy_n(t.a.row(r) + p, n, to);
}

void multiplyFew(const FewRows& t)
{
    packFew(t);
    switch (t.a.rows) {
    case 1:
        return multiplyAll<1, 1, 8>(t);
    case 2:
        return multiplyAll<2, 4, 1>(t);
    case 3:
        return multiplyAll<3, 4, 1>(t);
    case 4:
        return multiplyAll<4, 4, 1>(t);
    case 5:
        return multiplyAll<5, 2, 1>(t);
    case 6:
        return multiplyAll<6, 2, 1>(t);
    case 7:
        return multiplyAll<7, 2, 1>(t);
    case 8:
        return multiplyAll<8, 2, 1>(t);
    default:
        return;
    }
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(multiplyFew);

} // namespace

void fewRowsNT(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale, Into into)
{
    assert(a.rows <= kFewRows && a.rows == c.rows && b.rows == c.cols && a.cols == b.cols);
    thread_local Scratch panel;
    HWY_DYNAMIC_DISPATCH(multiplyFew)({a, b, c, scale, into == Into::Add, panel.floats(a.rows * a.cols)});
}

} // namespace attnscope
#endif
