// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/feature_ops.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/exp-inl.h"
#include "core/compute/feature_ops.h"

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

/// out = f(x, y) element by element; the end of a row is computed in a padded vector, as its middle is.
template <class F>
HWY_INLINE void mapRows(const float* x, const float* y, float* out, Index count, F f)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    Index i = 0;
    for (; i + n <= count; i += n)
        hn::StoreU(f(hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, out + i);
    if (i == count)
        return;
    HWY_ALIGN float a[HWY_MAX_BYTES / sizeof(float)] = {};
    HWY_ALIGN float b[HWY_MAX_BYTES / sizeof(float)] = {};
    std::copy(x + i, x + count, a);
    std::copy(y + i, y + count, b);
    hn::StoreU(f(hn::LoadU(d, a), hn::LoadU(d, b)), d, a);
    std::copy_n(a, count - i, out + i);
}

void maxInto(const float* x, float* top, Index count)
{
    mapRows(x, top, top, count, [](auto a, auto b) HWY_ATTR { return hn::Max(a, b); });
}

void expMinusOf(const float* x, const float* shift, float* out, Index count)
{
    const Floats d;
    mapRows(x, shift, out, count, [d](auto a, auto s) HWY_ATTR { return exponential(d, hn::Sub(a, s)); });
}

float expPlusOf(const float* x, const float* shift, float* out, Index count)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    auto tops = hn::Set(d, -std::numeric_limits<float>::infinity());
    Index i = 0;
    for (; i + n <= count; i += n)
        tops = hn::Max(tops, hn::Add(hn::LoadU(d, x + i), hn::LoadU(d, shift + i)));
    float top = hn::GetLane(hn::MaxOfLanes(d, tops));
    for (; i < count; ++i)
        top = std::max(top, x[i] + shift[i]);
    const auto t = hn::Set(d, top);
    mapRows(x, shift, out, count, [d, t](auto a, auto s) HWY_ATTR { return exponential(d, hn::Sub(hn::Add(a, s), t)); });
    return top;
}

void logEluPlusOneOf(const float* x, float* out, Index count)
{
    const Floats d;
    const auto zero = hn::Zero(d);
    mapRows(x, x, out, count, [d, zero](auto a, auto) HWY_ATTR { return hn::Add(hn::Min(a, zero), hn::Log1p(d, hn::Max(a, zero))); });
}

void logReluPlusOf(float* x, float floor, Index count)
{
    const Floats d;
    const auto zero = hn::Zero(d);
    const auto f = hn::Set(d, floor);
    mapRows(x, x, x, count, [d, zero, f](auto a, auto) HWY_ATTR { return hn::Log(d, hn::Add(hn::Max(a, zero), f)); });
}

void wavesOf(float* x, float factor, float* sine, Index count)
{
    const Floats d;
    const auto f = hn::Set(d, factor);
    mapRows(x, x, sine, count, [d, f](auto a, auto) HWY_ATTR { return hn::Sin(d, hn::Mul(f, a)); });
    mapRows(x, x, x, count, [d, f](auto a, auto) HWY_ATTR { return hn::Cos(d, hn::Mul(f, a)); });
}

float dotOf(const float* x, const float* y, Index count)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    auto sums = hn::Zero(d);
    Index i = 0;
    for (; i + n <= count; i += n)
        sums = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, y + i), sums);
    float total = hn::GetLane(hn::SumOfLanes(d, sums));
    for (; i < count; ++i)
        total += x[i] * y[i];
    return total;
}

#if HWY_HAVE_FLOAT64
using Doubles = hn::ScalableTag<double>;
using HalfFloats = hn::Rebind<float, Doubles>;
#endif

void rescaleAndAddOf(double* y, double factor, const float* x, Index count)
{
    Index i = 0;
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto f = hn::Set(d, factor);
    for (; i + n <= count; i += n)
        hn::StoreU(hn::MulAdd(f, hn::LoadU(d, y + i), hn::PromoteTo(d, hn::LoadU(half, x + i))), d, y + i);
#endif
    for (; i < count; ++i)
        y[i] = factor * y[i] + static_cast<double>(x[i]);
}

void combineScaledOf(const double* x, double a, const double* y, double b, float* out, Index count)
{
    Index i = 0;
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto fa = hn::Set(d, a);
    const auto fb = hn::Set(d, b);
    for (; i + n <= count; i += n)
        hn::StoreU(hn::DemoteTo(half, hn::MulAdd(fa, hn::LoadU(d, x + i), hn::Mul(fb, hn::LoadU(d, y + i)))), half, out + i);
#endif
    for (; i < count; ++i)
        out[i] = static_cast<float>(a * x[i] + b * y[i]);
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(maxInto);
HWY_EXPORT(expMinusOf);
HWY_EXPORT(expPlusOf);
HWY_EXPORT(logEluPlusOneOf);
HWY_EXPORT(logReluPlusOf);
HWY_EXPORT(wavesOf);
HWY_EXPORT(dotOf);
HWY_EXPORT(rescaleAndAddOf);
HWY_EXPORT(combineScaledOf);

constexpr float kVectorAngles = 30000.0F; // beyond, vectorised sines lose the argument

template <class T>
Index sizeOf(std::span<T> x)
{
    return static_cast<Index>(x.size());
}

} // namespace

void columnMax(MatrixView<const float> x, std::span<float> top)
{
    assert(sizeOf(top) == x.cols);
    for (Index i = 0; i < x.rows; ++i)
        HWY_DYNAMIC_DISPATCH(maxInto)(x.row(i), top.data(), x.cols);
}

void expMinus(std::span<const float> x, std::span<const float> shift, std::span<float> out)
{
    HWY_DYNAMIC_DISPATCH(expMinusOf)(x.data(), shift.data(), out.data(), sizeOf(x));
}

float expPlus(std::span<const float> x, std::span<const float> shift, std::span<float> out)
{
    return HWY_DYNAMIC_DISPATCH(expPlusOf)(x.data(), shift.data(), out.data(), sizeOf(x));
}

void logEluPlusOne(std::span<const float> x, std::span<float> out)
{
    HWY_DYNAMIC_DISPATCH(logEluPlusOneOf)(x.data(), out.data(), sizeOf(x));
}

void logReluPlus(std::span<float> x, float floor) { HWY_DYNAMIC_DISPATCH(logReluPlusOf)(x.data(), floor, sizeOf(x)); }

void waves(std::span<float> x, float factor, std::span<float> sine)
{
    const auto fits = [factor](float v) { return std::abs(factor * v) <= kVectorAngles; };
    if (std::all_of(x.begin(), x.end(), fits)) {
        HWY_DYNAMIC_DISPATCH(wavesOf)(x.data(), factor, sine.data(), sizeOf(x));
        return;
    }
    std::transform(x.begin(), x.end(), sine.begin(), [factor](float v) { return std::sin(factor * v); });
    std::transform(x.begin(), x.end(), x.begin(), [factor](float v) { return std::cos(factor * v); });
}

float dot(std::span<const float> x, std::span<const float> y) { return HWY_DYNAMIC_DISPATCH(dotOf)(x.data(), y.data(), sizeOf(x)); }

void rescaleAndAdd(std::span<double> y, double factor, std::span<const float> x)
{
    HWY_DYNAMIC_DISPATCH(rescaleAndAddOf)(y.data(), factor, x.data(), sizeOf(x));
}

void combineScaled(std::span<const double> x, double a, std::span<const double> y, double b, std::span<float> out)
{
    HWY_DYNAMIC_DISPATCH(combineScaledOf)(x.data(), a, y.data(), b, out.data(), sizeOf(x));
}

} // namespace attnscope
#endif
