// SPDX-License-Identifier: GPL-3.0-or-later
// Maxima, sums and exponentials of rows.
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/rows.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/dense.h"
#include "core/compute/exp-inl.h"

#include <hwy/highway.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Elements summed in float32 before the sum moves on to float64.
constexpr Index kSumBlock = 1024;

float rowMaxOf(const float* x, Index count)
{
    const hn::ScalableTag<float> d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    float top = -std::numeric_limits<float>::infinity();
    Index i = 0;
    if (count >= n) {
        auto tops = hn::LoadU(d, x);
        for (i = n; i + n <= count; i += n)
            tops = hn::Max(tops, hn::LoadU(d, x + i));
        top = hn::GetLane(hn::MaxOfLanes(d, tops));
    }
    for (; i < count; ++i)
        top = std::max(top, x[i]);
    return top;
}

/// Sum of f(x) over a row, written back where kWrite.
template <bool kWrite, class F>
HWY_INLINE double sumOf(float* x, Index count, F f)
{
    const hn::ScalableTag<float> d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    double total = 0.0;
    for (Index first = 0; first < count; first += kSumBlock) {
        const Index last = std::min(count, first + kSumBlock);
        auto sums = hn::Zero(d);
        Index i = first;
        for (; i + n <= last; i += n) {
            const auto y = f(hn::LoadU(d, x + i));
            if constexpr (kWrite)
                hn::StoreU(y, d, x + i);
            sums = hn::Add(sums, y);
        }
        total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sums)));
        if (i < last) { // a padded vector, so that a row's end is computed as its middle is
            HWY_ALIGN float tail[HWY_MAX_BYTES / sizeof(float)] = {};
            std::copy(x + i, x + last, tail);
            hn::StoreU(f(hn::LoadU(d, tail)), d, tail);
            for (Index j = i; j < last; ++j) {
                total += static_cast<double>(tail[j - i]);
                if constexpr (kWrite)
                    x[j] = tail[j - i];
            }
        }
    }
    return total;
}

double rowSumOf(const float* x, Index count)
{
    return sumOf<false>(const_cast<float*>(x), count, [](auto v) HWY_ATTR { return v; });
}

double expRowOf(float* x, Index count, float shift)
{
    const hn::ScalableTag<float> d;
    const auto s = hn::Set(d, shift);
    return sumOf<true>(x, count, [d, s](auto v) HWY_ATTR { return exponential(d, hn::Sub(v, s)); });
}

double expSumOf(const float* x, Index count, float shift)
{
    const hn::ScalableTag<float> d;
    const auto s = hn::Set(d, shift);
    return sumOf<false>(const_cast<float*>(x), count, [d, s](auto v) HWY_ATTR { return exponential(d, hn::Sub(v, s)); });
}

void scaleRowOf(float* x, Index count, float factor)
{
    const hn::ScalableTag<float> d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto f = hn::Set(d, factor);
    Index i = 0;
    for (; i + n <= count; i += n)
        hn::StoreU(hn::Mul(f, hn::LoadU(d, x + i)), d, x + i);
    for (; i < count; ++i)
        x[i] *= factor;
}

void addScaledRowOf(float* y, float factor, const float* x, Index count)
{
    const hn::ScalableTag<float> d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto f = hn::Set(d, factor);
    Index i = 0;
    for (; i + n <= count; i += n)
        hn::StoreU(hn::MulAdd(f, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, y + i);
    for (; i < count; ++i)
        y[i] += factor * x[i];
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(rowMaxOf);
HWY_EXPORT(rowSumOf);
HWY_EXPORT(expRowOf);
HWY_EXPORT(expSumOf);
HWY_EXPORT(scaleRowOf);
HWY_EXPORT(addScaledRowOf);

Index sizeOf(std::span<const float> x) { return static_cast<Index>(x.size()); }

} // namespace

float rowMax(std::span<const float> x) { return HWY_DYNAMIC_DISPATCH(rowMaxOf)(x.data(), sizeOf(x)); }

double rowSum(std::span<const float> x) { return HWY_DYNAMIC_DISPATCH(rowSumOf)(x.data(), sizeOf(x)); }

double expRow(std::span<float> x, float shift) { return HWY_DYNAMIC_DISPATCH(expRowOf)(x.data(), sizeOf(x), shift); }

double logSumExp(std::span<const float> x)
{
    const float top = rowMax(x);
    if (!std::isfinite(top))
        return top;
    return static_cast<double>(top) + std::log(HWY_DYNAMIC_DISPATCH(expSumOf)(x.data(), sizeOf(x), top));
}

double logAddExp(double a, double b)
{
    const double top = std::max(a, b);
    return std::isfinite(top) ? top + std::log1p(std::exp(std::min(a, b) - top)) : top;
}

void scaleRow(std::span<float> x, float factor) { HWY_DYNAMIC_DISPATCH(scaleRowOf)(x.data(), sizeOf(x), factor); }

void addScaledRow(std::span<float> y, float factor, std::span<const float> x)
{
    assert(x.size() == y.size());
    HWY_DYNAMIC_DISPATCH(addScaledRowOf)(y.data(), factor, x.data(), sizeOf(x));
}

void softmaxRows(MatrixView<float> s, Index firstVisible)
{
    for (Index i = 0; i < s.rows; ++i) {
        const auto visible = static_cast<std::size_t>(std::clamp<Index>(firstVisible + i, 0, s.cols));
        const auto row = s.rowSpan(i).first(visible);
        const double sum = expRow(row, rowMax(row));
        scaleRow(row, static_cast<float>(1.0 / sum));
        std::fill(s.row(i) + visible, s.row(i) + s.cols, 0.0F);
    }
}

} // namespace attnscope
#endif
