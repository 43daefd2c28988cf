// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/mixer_ops.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/exp-inl.h"
#include "core/compute/mixer_ops.h"
#include "core/compute/state_sums-inl.h"

#include <hwy/highway.h>

#include <algorithm>
#include <cassert>
#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

#if HWY_HAVE_FLOAT64
using Doubles = hn::ScalableTag<double>;
using HalfFloats = hn::Rebind<float, Doubles>;
#endif

void sumLogs(const double* before, const float* g, double least, double* after, Index count)
{
    Index i = 0;
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto floor = hn::Set(d, least);
    for (; i + n <= count; i += n)
        hn::StoreU(hn::Add(hn::LoadU(d, before + i), hn::Max(floor, hn::PromoteTo(d, hn::LoadU(half, g + i)))), d, after + i);
#endif
    for (; i < count; ++i)
        after[i] = before[i] + std::max(least, static_cast<double>(g[i]));
}

void powers(const double* logs, double sign, float* out, Index count)
{
    Index i = 0;
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto factor = hn::Set(d, sign);
    for (; i + n <= count; i += n)
        hn::StoreU(hn::DemoteTo(half, hn::Mul(factor, hn::LoadU(d, logs + i))), half, out + i);
#endif
    for (; i < count; ++i)
        out[i] = static_cast<float>(sign * logs[i]);
    const Floats f;
    const auto lanes = static_cast<Index>(hn::Lanes(f));
    for (i = 0; i + lanes <= count; i += lanes)
        hn::StoreU(exponential(f, hn::LoadU(f, out + i)), f, out + i);
    if (i == count)
        return;
    HWY_ALIGN float end[HWY_MAX_BYTES / sizeof(float)] = {};
    std::copy(out + i, out + count, end);
    hn::StoreU(exponential(f, hn::LoadU(f, end)), f, end);
    std::copy_n(end, count - i, out + i);
}

void multiplyRow(const float* x, const float* y, float* out, Index count)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    Index j = 0;
    for (; j + n <= count; j += n)
        hn::StoreU(hn::Mul(hn::LoadU(d, x + j), hn::LoadU(d, y + j)), d, out + j);
    for (; j < count; ++j)
        out[j] = x[j] * y[j];
}

void multiplyAll(const MatrixView<const float>& x, const MatrixView<const float>& y, const MatrixView<float>& out)
{
    for (Index i = 0; i < out.rows; ++i)
        multiplyRow(x.row(i), y.row(i), out.row(i), out.cols);
}

void subtractAll(const MatrixView<const float>& x, const MatrixView<float>& y)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    for (Index i = 0; i < y.rows; ++i) {
        Index j = 0;
        for (; j + n <= y.cols; j += n)
            hn::StoreU(hn::Sub(hn::LoadU(d, y.row(i) + j), hn::LoadU(d, x.row(i) + j)), d, y.row(i) + j);
        for (; j < y.cols; ++j)
            y(i, j) -= x(i, j);
    }
}

/// row r of the inverse is e_r - sign sum_s lower_rs (row s): V vectors of its columns from c on, which row c is the first to have.
template <int V>
HWY_INLINE void eliminate(const float* lower, double sign, const double* rows, Index stride, Index r, Index c, double* row)
{
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    hn::Vec<Doubles> sums[V];
#pragma GCC unroll 4
    for (int i = 0; i < V; ++i)
        sums[i] = hn::Zero(d);
    for (Index s = c; s < r; ++s) {
        const auto factor = hn::Set(d, -sign * static_cast<double>(lower[s]));
        const double* other = rows + s * stride + c;
#pragma GCC unroll 4
        for (int i = 0; i < V; ++i)
            sums[i] = hn::MulAdd(factor, hn::LoadU(d, other + i * n), sums[i]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < V; ++i)
        hn::StoreU(sums[i], d, row + c + i * n);
#else
    for (Index j = c; j < c + V; ++j) {
        row[j] = 0.0;
        for (Index s = c; s < r; ++s)
            row[j] -= sign * static_cast<double>(lower[s]) * rows[s * stride + j];
    }
#endif
}

void invertRows(const MatrixView<const float>& lower, double sign, double* rows, Index stride, const MatrixView<float>& out)
{
#if HWY_HAVE_FLOAT64
    const auto block = 4 * static_cast<Index>(hn::Lanes(Doubles()));
#else
    const Index block = 4;
#endif
    for (Index r = 0; r < out.rows; ++r) {
        double* row = rows + r * stride;
        for (Index c = 0; c < stride; c += block)
            eliminate<4>(lower.row(r), sign, rows, stride, r, c, row);
        row[r] = 1.0;
        for (Index j = 0; j < out.cols; ++j)
            out(r, j) = static_cast<float>(row[j]);
    }
}

/// Sums of squares of rows in float64.
HWY_INLINE double squareOf(const float* x, Index count)
{
    double sum = 0.0;
    Index i = 0;
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    auto sums = hn::Zero(d);
    for (; i + n <= count; i += n) {
        const auto v = hn::PromoteTo(d, hn::LoadU(half, x + i));
        sums = hn::MulAdd(v, v, sums);
    }
    sum = hn::GetLane(hn::SumOfLanes(d, sums));
#endif
    for (; i < count; ++i)
        sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    return sum;
}

void squares(const MatrixView<const float>& x, double* out)
{
    for (Index i = 0; i < x.rows; ++i)
        out[i] = squareOf(x.row(i), x.cols);
}

void unit(const MatrixView<const float>& x, const MatrixView<float>& out)
{
    for (Index r = 0; r < x.rows; ++r) {
        const double square = squareOf(x.row(r), x.cols);
        const double factor = square > 0.0 ? 1.0 / std::sqrt(square) : 1.0;
        const float* from = x.row(r);
        float* to = out.row(r);
        Index i = 0;
#if HWY_HAVE_FLOAT64
        const Doubles d;
        const HalfFloats half;
        const auto n = static_cast<Index>(hn::Lanes(d));
        const auto f = hn::Set(d, factor);
        for (; i + n <= x.cols; i += n)
            hn::StoreU(hn::DemoteTo(half, hn::Mul(f, hn::PromoteTo(d, hn::LoadU(half, from + i)))), half, to + i);
#endif
        for (; i < x.cols; ++i)
            to[i] = static_cast<float>(factor * static_cast<double>(from[i]));
    }
}

/// sum_c x_c y_c u_c; u may be one number for all.
HWY_INLINE double weightedDot(const float* x, const float* y, const float* u, bool oneWeight, Index count)
{
    double sum = 0.0;
    Index i = 0;
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    auto sums = hn::Zero(d);
    for (; i + n <= count; i += n) {
        auto product = hn::Mul(hn::PromoteTo(d, hn::LoadU(half, x + i)), hn::PromoteTo(d, hn::LoadU(half, y + i)));
        if (!oneWeight)
            product = hn::Mul(product, hn::PromoteTo(d, hn::LoadU(half, u + i)));
        sums = hn::Add(product, sums);
    }
    sum = hn::GetLane(hn::SumOfLanes(d, sums));
#endif
    for (; i < count; ++i)
        sum += static_cast<double>(x[i]) * static_cast<double>(y[i]) * (oneWeight ? 1.0 : static_cast<double>(u[i]));
    return oneWeight ? sum * static_cast<double>(*u) : sum;
}

void weightedDots(const MatrixView<const float>& x, const MatrixView<const float>& y, const MatrixView<const float>& u, float* out)
{
    for (Index i = 0; i < x.rows; ++i)
        out[i] = static_cast<float>(weightedDot(x.row(i), y.row(i), u.row(i), u.cols == 1, x.cols));
}

void advanceRow(double* sums, double decay, const float* added, double share, float* rounded, Index count)
{
    advance(sums, decay, added, share, rounded, count);
}

void advancePast(double* sums, double decay, float* through, double share, Index count)
{
    Index i = 0;
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto f = hn::Set(d, decay);
    const auto part = hn::Set(d, share);
    for (; i + n <= count; i += n) {
        const auto old = hn::LoadU(d, sums + i);
        hn::StoreU(hn::MulAdd(f, old, hn::Mul(part, hn::PromoteTo(d, hn::LoadU(half, through + i)))), d, sums + i);
        hn::StoreU(hn::DemoteTo(half, old), half, through + i);
    }
#endif
    for (; i < count; ++i) {
        const double old = sums[i];
        sums[i] = std::fma(decay, old, share * static_cast<double>(through[i]));
        through[i] = static_cast<float>(old);
    }
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(sumLogs);
HWY_EXPORT(powers);
HWY_EXPORT(multiplyAll);
HWY_EXPORT(subtractAll);
HWY_EXPORT(invertRows);
HWY_EXPORT(advanceRow);
HWY_EXPORT(advancePast);
HWY_EXPORT(squares);
HWY_EXPORT(unit);
HWY_EXPORT(weightedDots);

template <class T>
Index sizeOf(std::span<T> x)
{
    return static_cast<Index>(x.size());
}

} // namespace

void addLogs(std::span<const double> before, std::span<const float> g, double least, std::span<double> after)
{
    HWY_DYNAMIC_DISPATCH(sumLogs)(before.data(), g.data(), least, after.data(), sizeOf(after));
}

void powersOf(std::span<const double> logs, double sign, std::span<float> out)
{
    HWY_DYNAMIC_DISPATCH(powers)(logs.data(), sign, out.data(), sizeOf(out));
}

void multiplyInto(MatrixView<const float> x, MatrixView<const float> y, MatrixView<float> out)
{
    HWY_DYNAMIC_DISPATCH(multiplyAll)(x, y, out);
}

void subtractFrom(MatrixView<const float> x, MatrixView<float> y) { HWY_DYNAMIC_DISPATCH(subtractAll)(x, y); }

void invertUnitLower(MatrixView<const float> lower, double sign, std::span<double> work, MatrixView<float> out)
{
    const Index stride = inverseStride(out.cols);
    assert(out.rows * stride <= sizeOf(work));
    HWY_DYNAMIC_DISPATCH(invertRows)(lower, sign, work.data(), stride, out);
}

void advanceSums(std::span<double> sums, double decay, std::span<const float> added, std::span<float> rounded, double share)
{
    HWY_DYNAMIC_DISPATCH(advanceRow)(sums.data(), decay, added.data(), share, rounded.data(), sizeOf(sums));
}

void advanceThrough(std::span<double> sums, double decay, std::span<float> through, double share)
{
    HWY_DYNAMIC_DISPATCH(advancePast)(sums.data(), decay, through.data(), share, sizeOf(sums));
}

void rowSquares64(MatrixView<const float> x, std::span<double> out) { HWY_DYNAMIC_DISPATCH(squares)(x, out.data()); }

void unitRowsInto(MatrixView<const float> x, MatrixView<float> out) { HWY_DYNAMIC_DISPATCH(unit)(x, out); }

void weightedRowDots(MatrixView<const float> x, MatrixView<const float> y, MatrixView<const float> u, std::span<float> out)
{
    HWY_DYNAMIC_DISPATCH(weightedDots)(x, y, u, out.data());
}

} // namespace attnscope
#endif
