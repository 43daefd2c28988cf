// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/plain_features.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/exp-inl.h"
#include "core/compute/plain_features.h"

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

constexpr Index kFetchRows = 16; // ahead: pages end, and with them what the processor fetches by itself

/// out = f(x) vector by vector; a row's end goes through a padded vector.
template <class F>
HWY_INLINE void mapRow(const float* x, float* out, Index count, F f)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    Index j = 0;
    for (; j + n <= count; j += n)
        hn::StoreU(f(hn::LoadU(d, x + j)), d, out + j);
    if (j == count)
        return;
    HWY_ALIGN float end[HWY_MAX_BYTES / sizeof(float)];
    std::fill_n(end, n, x[count - 1]); // what f looks at is nothing new
    std::copy(x + j, x + count, end);
    hn::StoreU(f(hn::LoadU(d, end)), d, end);
    std::copy_n(end, count - j, out + j);
}

HWY_INLINE void fetchAhead(const MatrixView<const float>& x, Index row)
{
    constexpr Index lineFloats = 16;
    for (Index c = 0; c < x.cols; c += lineFloats)
        hwy::Prefetch(x.row(row) + kFetchRows * x.stride + c);
}

/// Whether all of what was seen lay within the bounds; NaN did not.
struct Range {
    Vector left; ///< not 0 where a value lay outside
    Vector low;
    Vector high;

    HWY_INLINE Range(float least, float most) : left(hn::Zero(Floats())), low(hn::Set(Floats(), least)), high(hn::Set(Floats(), most)) {}
    HWY_INLINE void see(Vector x)
    {
        const Floats d;
        const auto inside = hn::And(hn::Ge(x, low), hn::Le(x, high));
        left = hn::Or(left, hn::IfThenZeroElse(inside, hn::Set(d, 1.0F)));
    }
    HWY_INLINE bool held() const { return hn::AllTrue(Floats(), hn::Eq(left, hn::Zero(Floats()))); }
};

bool eluPlusOneRows(const MatrixView<const float>& x, const MatrixView<float>& out)
{
    const Floats d;
    const auto one = hn::Set(d, 1.0F);
    Range range(-kPlainLog, 1e12F);
    for (Index i = 0; i < x.rows; ++i) {
        fetchAhead(x, i);
        mapRow(x.row(i), out.row(i), x.cols, [&](auto v) HWY_ATTR {
            range.see(v);
            return hn::IfThenElse(hn::Gt(v, hn::Zero(d)), hn::Add(v, one), exponential(d, v));
        });
    }
    return range.held();
}

bool expRows(const MatrixView<float>& x, const float* shift)
{
    const Floats d;
    Range range(-kPlainLog, kPlainLog);
    for (Index i = 0; i < x.rows; ++i) {
        const auto s = hn::Set(d, shift[i]);
        mapRow(x.row(i), x.row(i), x.cols, [&](auto v) HWY_ATTR {
            const auto log = hn::Sub(v, s);
            range.see(log);
            return exponential(d, log);
        });
    }
    return range.held();
}

bool scaledExpRows(const MatrixView<const float>& x, float scale, const MatrixView<float>& out)
{
    const Floats d;
    const auto factor = hn::Set(d, scale);
    Range range(-kPlainLog, kPlainLog);
    for (Index i = 0; i < x.rows; ++i) {
        fetchAhead(x, i);
        mapRow(x.row(i), out.row(i), x.cols, [&](auto v) HWY_ATTR {
            const auto log = hn::Mul(factor, v);
            range.see(log);
            return exponential(d, log);
        });
    }
    return range.held();
}

/// One row of exactly V vectors: softmax of scale x, or without the division, whose divisor is returned.
template <int V>
HWY_INLINE float softmaxRow(const float* x, float scale, float* out, bool divide, Range& range)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto factor = hn::Set(d, scale);
    Vector row[V];
    row[0] = hn::Mul(factor, hn::LoadU(d, x));
    auto tops = row[0];
#pragma GCC unroll 8
    for (int j = 1; j < V; ++j) {
        row[j] = hn::Mul(factor, hn::LoadU(d, x + j * n));
        tops = hn::Max(tops, row[j]);
    }
    const auto top = hn::MaxOfLanes(d, tops);
    auto sums = hn::Zero(d);
#pragma GCC unroll 8
    for (int j = 0; j < V; ++j) {
        const auto log = hn::Sub(row[j], top);
        range.see(log);
        row[j] = exponential(d, log);
        sums = hn::Add(sums, row[j]);
    }
    const auto sum = hn::SumOfLanes(d, sums);
    const auto inverse = divide ? hn::Div(hn::Set(d, 1.0F), sum) : hn::Set(d, 1.0F);
#pragma GCC unroll 8
    for (int j = 0; j < V; ++j)
        hn::StoreU(divide ? hn::Mul(inverse, row[j]) : row[j], d, out + j * n);
    return hn::GetLane(sum);
}

/// A row of any length, the same way.
HWY_INLINE float softmaxAnyRow(const float* x, Index cols, float scale, float* out, bool divide, Range& range)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto factor = hn::Set(d, scale);
    float top = scale * x[0];
    auto tops = hn::Set(d, top);
    Index j = 0;
    for (; j + n <= cols; j += n)
        tops = hn::Max(tops, hn::Mul(factor, hn::LoadU(d, x + j)));
    top = hn::GetLane(hn::MaxOfLanes(d, tops));
    for (; j < cols; ++j)
        top = std::max(top, scale * x[j]);
    const auto shift = hn::Set(d, top);
    mapRow(x, out, cols, [&](auto v) HWY_ATTR {
        const auto log = hn::Sub(hn::Mul(factor, v), shift);
        range.see(log);
        return exponential(d, log);
    });
    auto sums = hn::Zero(d);
    for (j = 0; j + n <= cols; j += n)
        sums = hn::Add(sums, hn::LoadU(d, out + j));
    float sum = hn::GetLane(hn::SumOfLanes(d, sums));
    for (; j < cols; ++j)
        sum += out[j];
    const auto inverse = hn::Set(d, 1.0F / sum);
    if (divide)
        mapRow(out, out, cols, [&](auto v) HWY_ATTR { return hn::Mul(inverse, v); });
    return sum;
}

bool softmaxOfRows(const MatrixView<const float>& x, float scale, const MatrixView<float>& out, float* divisors)
{
    const auto n = static_cast<Index>(hn::Lanes(Floats()));
    Range range(-0.8F * kPlainLog, 0.0F); // the sum takes off a little more
    for (Index i = 0; i < x.rows; ++i) {
        fetchAhead(x, i);
        const bool divide = divisors == nullptr;
        const float sum = x.cols == 4 * n   ? softmaxRow<4>(x.row(i), scale, out.row(i), divide, range)
                          : x.cols == 8 * n ? softmaxRow<8>(x.row(i), scale, out.row(i), divide, range)
                                            : softmaxAnyRow(x.row(i), x.cols, scale, out.row(i), divide, range);
        if (divisors)
            divisors[i] = 1.0F / sum;
    }
    return range.held();
}

HWY_INLINE float dotRow(const float* x, const float* w, Index count)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    auto sums = hn::Zero(d);
    auto others = hn::Zero(d);
    Index j = 0;
    for (; j + 2 * n <= count; j += 2 * n) {
        sums = hn::MulAdd(hn::LoadU(d, x + j), hn::LoadU(d, w + j), sums);
        others = hn::MulAdd(hn::LoadU(d, x + j + n), hn::LoadU(d, w + j + n), others);
    }
    for (; j + n <= count; j += n)
        sums = hn::MulAdd(hn::LoadU(d, x + j), hn::LoadU(d, w + j), sums);
    float total = hn::GetLane(hn::SumOfLanes(d, hn::Add(sums, others)));
    for (; j < count; ++j)
        total += x[j] * w[j];
    return total;
}

void squaresOfRows(const MatrixView<const float>& x, float factor, float* out)
{
    for (Index i = 0; i < x.rows; ++i) {
        fetchAhead(x, i);
        out[i] = factor * dotRow(x.row(i), x.row(i), x.cols);
    }
}

void vectorTimesRows(const MatrixView<const float>& x, const float* w, double* out)
{
    for (Index i = 0; i < x.rows; ++i)
        out[i] = static_cast<double>(dotRow(x.row(i), w, x.cols));
}

void sumsOfColumns(const MatrixView<const float>& x, float* out)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    Index j = 0;
    for (; j + n <= x.cols; j += n) {
        auto even = hn::Zero(d);
        auto odd = hn::Zero(d);
        Index i = 0;
        for (; i + 2 <= x.rows; i += 2) {
            even = hn::Add(even, hn::LoadU(d, x.row(i) + j));
            odd = hn::Add(odd, hn::LoadU(d, x.row(i + 1) + j));
        }
        if (i < x.rows)
            even = hn::Add(even, hn::LoadU(d, x.row(i) + j));
        hn::StoreU(hn::Add(even, odd), d, out + j);
    }
    for (; j < x.cols; ++j) {
        out[j] = 0.0F;
        for (Index i = 0; i < x.rows; ++i)
            out[j] += x(i, j);
    }
}

void rowsTimesFactors(const MatrixView<const float>& x, const float* factor, const MatrixView<float>& out)
{
    const Floats d;
    for (Index i = 0; i < x.rows; ++i) {
        const auto f = hn::Set(d, factor[i]);
        mapRow(x.row(i), out.row(i), x.cols, [&](auto v) HWY_ATTR { return hn::Mul(f, v); });
    }
}

#if HWY_HAVE_FLOAT64
using Doubles = hn::ScalableTag<double>;
using HalfFloats = hn::Rebind<float, Doubles>;
#endif

void addFloats(double* y, const float* x, Index count)
{
    Index i = 0;
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    for (; i + n <= count; i += n)
        hn::StoreU(hn::Add(hn::LoadU(d, y + i), hn::PromoteTo(d, hn::LoadU(half, x + i))), d, y + i);
#endif
    for (; i < count; ++i)
        y[i] += static_cast<double>(x[i]);
}

#if HWY_HAVE_FLOAT64
/// sums += all rows of G times four vectors of columns, from column j on.
template <int G>
HWY_INLINE void addColumnGroup(const MatrixView<const float>& x, Index j, double* sums)
{
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    hn::Vec<Doubles> sum[4 * G];
#pragma GCC unroll 8
    for (int g = 0; g < 4 * G; ++g)
        sum[g] = hn::LoadU(d, sums + j + g * n);
    for (Index i = 0; i < x.rows; ++i) {
        const float* const row = x.row(i) + j;
#pragma GCC unroll 2
        for (int g = 0; g < 2 * G; ++g)
            hwy::Prefetch(row + kFetchRows * x.stride + 2 * g * n);
#pragma GCC unroll 8
        for (int g = 0; g < 4 * G; ++g)
            sum[g] = hn::Add(sum[g], hn::PromoteTo(d, hn::LoadU(half, row + g * n)));
    }
#pragma GCC unroll 8
    for (int g = 0; g < 4 * G; ++g)
        hn::StoreU(sum[g], d, sums + j + g * n);
}
#endif

void addRows(const MatrixView<const float>& x, double* sums)
{
    Index j = 0;
#if HWY_HAVE_FLOAT64
    const auto n = static_cast<Index>(hn::Lanes(Doubles()));
    for (; j + 8 * n <= x.cols; j += 8 * n)
        addColumnGroup<2>(x, j, sums);
    for (; j + 4 * n <= x.cols; j += 4 * n)
        addColumnGroup<1>(x, j, sums);
#endif
    for (; j < x.cols; ++j)
        for (Index i = 0; i < x.rows; ++i)
            sums[j] += static_cast<double>(x(i, j));
}

void sumsToFloats(const double* a, const double* b, float* out, Index count)
{
    Index i = 0;
#if HWY_HAVE_FLOAT64
    const Doubles d;
    const HalfFloats half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    for (; i + n <= count; i += n)
        hn::StoreU(hn::DemoteTo(half, hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i))), half, out + i);
#endif
    for (; i < count; ++i)
        out[i] = static_cast<float>(a[i] + b[i]);
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(eluPlusOneRows);
HWY_EXPORT(expRows);
HWY_EXPORT(scaledExpRows);
HWY_EXPORT(softmaxOfRows);
HWY_EXPORT(squaresOfRows);
HWY_EXPORT(vectorTimesRows);
HWY_EXPORT(sumsOfColumns);
HWY_EXPORT(rowsTimesFactors);
HWY_EXPORT(addFloats);
HWY_EXPORT(addRows);
HWY_EXPORT(sumsToFloats);

} // namespace

bool plainEluPlusOne(MatrixView<const float> x, MatrixView<float> out) { return HWY_DYNAMIC_DISPATCH(eluPlusOneRows)(x, out); }

bool plainExp(MatrixView<float> x, std::span<const float> shift) { return HWY_DYNAMIC_DISPATCH(expRows)(x, shift.data()); }

bool plainScaledExp(MatrixView<const float> x, float scale, MatrixView<float> out)
{
    return HWY_DYNAMIC_DISPATCH(scaledExpRows)(x, scale, out);
}

bool plainSoftmax(MatrixView<const float> x, float scale, MatrixView<float> out)
{
    return HWY_DYNAMIC_DISPATCH(softmaxOfRows)(x, scale, out, nullptr);
}

void softmaxInto(MatrixView<const float> x, float scale, MatrixView<float> out, std::span<float> inverse)
{
    HWY_DYNAMIC_DISPATCH(softmaxOfRows)(x, scale, out, inverse.data());
}

void rowSquares(MatrixView<const float> x, float factor, std::span<float> out)
{
    HWY_DYNAMIC_DISPATCH(squaresOfRows)(x, factor, out.data());
}

void columnSums(MatrixView<const float> x, std::span<float> out) { HWY_DYNAMIC_DISPATCH(sumsOfColumns)(x, out.data()); }

void timesVector(MatrixView<const float> x, std::span<const float> w, std::span<double> out)
{
    assert(w.size() >= static_cast<std::size_t>(x.cols) && out.size() >= static_cast<std::size_t>(x.rows));
    HWY_DYNAMIC_DISPATCH(vectorTimesRows)(x, w.data(), out.data());
}

void scaleRowsInto(MatrixView<const float> x, std::span<const float> factor, MatrixView<float> out)
{
    HWY_DYNAMIC_DISPATCH(rowsTimesFactors)(x, factor.data(), out);
}

void addColumns(MatrixView<const float> x, std::span<double> sums) { HWY_DYNAMIC_DISPATCH(addRows)(x, sums.data()); }

void addTo(std::span<double> y, std::span<const float> x)
{
    HWY_DYNAMIC_DISPATCH(addFloats)(y.data(), x.data(), static_cast<Index>(y.size()));
}

void sumToFloat(std::span<const double> a, std::span<const double> b, std::span<float> out)
{
    HWY_DYNAMIC_DISPATCH(sumsToFloats)(a.data(), b.data(), out.data(), static_cast<Index>(out.size()));
}

} // namespace attnscope
#endif
