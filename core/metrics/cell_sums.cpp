// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/metrics/cell_sums.cpp"
#include <hwy/foreach_target.h>

#include "core/metrics/cell_sums.h"

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr double kSmallestMass = static_cast<double>(std::numeric_limits<float>::min());

void addCell(float exact, float approximate, CellSums& sums)
{
    const double a = exact;
    const double b = approximate;
    const double gap = std::abs(a - b);
    sums.gapSquares += gap * gap;
    sums.exactSquares += a * a;
    sums.gaps += gap;
    sums.largestGap = gap > sums.largestGap ? gap : sums.largestGap;
    sums.sum += b;
    sums.negative += std::max(0.0, -b);
    const double logB = b > 0.0 ? std::log(b) : 0.0;
    sums.positiveMass += std::max(0.0, b);
    sums.positiveLog += std::max(0.0, b) * logB;
    if (a < kSmallestMass)
        return;
    const double logA = std::log(a);
    sums.exactMass += a;
    sums.exactLog += a * logA;
    if (b > 0.0)
        sums.divergence += a * (logA - logB);
    else
        ++(b < 0.0 ? sums.negativeWhereMass : sums.zeroWhereMass);
}

#if HWY_HAVE_FLOAT64
using Doubles = hn::ScalableTag<double>;
using Floats = hn::Rebind<float, Doubles>;
using Vector = hn::Vec<Doubles>;

/// The same for whole vectors.
class VectorSums {
public:
    HWY_ATTR VectorSums() // an implicit constructor would not be compiled for the target
    {
        const auto zero = hn::Zero(m_d);
        m_gapSquares = m_exactSquares = m_gaps = m_largestGap = m_sum = m_negative = m_exactMass = m_exactLog = zero;
        m_positiveMass = m_positiveLog = m_divergence = m_negativeCells = m_zeroCells = zero;
    }

    HWY_ATTR void add(const float* exact, const float* approximate)
    {
        const auto zero = hn::Zero(m_d);
        const auto one = hn::Set(m_d, 1.0);
        const auto a = hn::PromoteTo(m_d, hn::LoadU(Floats(), exact));
        const auto b = hn::PromoteTo(m_d, hn::LoadU(Floats(), approximate));
        const auto gap = hn::Abs(hn::Sub(a, b));
        m_gapSquares = hn::MulAdd(gap, gap, m_gapSquares);
        m_exactSquares = hn::MulAdd(a, a, m_exactSquares);
        m_gaps = hn::Add(m_gaps, gap);
        m_largestGap = hn::Max(m_largestGap, gap);
        m_sum = hn::Add(m_sum, b);
        m_negative = hn::Add(m_negative, hn::Max(zero, hn::Neg(b)));
        const auto positive = hn::Gt(b, zero);
        const auto mass = hn::Ge(a, hn::Set(m_d, kSmallestMass));
        const auto logB = hn::Log(m_d, hn::IfThenElse(positive, b, one));
        const auto logA = hn::Log(m_d, hn::IfThenElse(mass, a, one));
        const auto massA = hn::IfThenElseZero(mass, a);
        const auto massB = hn::IfThenElseZero(positive, b);
        m_exactMass = hn::Add(m_exactMass, massA);
        m_exactLog = hn::MulAdd(massA, logA, m_exactLog);
        m_positiveMass = hn::Add(m_positiveMass, massB);
        m_positiveLog = hn::MulAdd(massB, logB, m_positiveLog);
        m_divergence = hn::MulAdd(hn::IfThenElseZero(positive, massA), hn::Sub(logA, logB), m_divergence);
        m_negativeCells = hn::Add(m_negativeCells, hn::IfThenElseZero(hn::And(mass, hn::Lt(b, zero)), one));
        m_zeroCells = hn::Add(m_zeroCells, hn::IfThenElseZero(hn::And(mass, hn::Eq(b, zero)), one));
    }

    HWY_ATTR void addTo(CellSums& sums) const
    {
        sums.gapSquares += total(m_gapSquares);
        sums.exactSquares += total(m_exactSquares);
        sums.gaps += total(m_gaps);
        sums.largestGap = std::max(sums.largestGap, hn::GetLane(hn::MaxOfLanes(m_d, m_largestGap)));
        sums.sum += total(m_sum);
        sums.negative += total(m_negative);
        sums.exactMass += total(m_exactMass);
        sums.exactLog += total(m_exactLog);
        sums.positiveMass += total(m_positiveMass);
        sums.positiveLog += total(m_positiveLog);
        sums.divergence += total(m_divergence);
        sums.negativeWhereMass += static_cast<Index>(total(m_negativeCells));
        sums.zeroWhereMass += static_cast<Index>(total(m_zeroCells));
    }

private:
    HWY_ATTR double total(Vector v) const { return hn::GetLane(hn::SumOfLanes(m_d, v)); }

    Doubles m_d;
    Vector m_gapSquares, m_exactSquares, m_gaps, m_largestGap, m_sum, m_negative, m_exactMass, m_exactLog;
    Vector m_positiveMass, m_positiveLog, m_divergence, m_negativeCells, m_zeroCells;
};
#endif

CellSums sumCellsOf(const float* exact, const float* approximate, Index count)
{
    CellSums sums;
    Index j = 0;
#if HWY_HAVE_FLOAT64
    const auto n = static_cast<Index>(hn::Lanes(Doubles()));
    VectorSums vectors;
    for (; j + n <= count; j += n)
        vectors.add(exact + j, approximate + j);
    vectors.addTo(sums);
#endif
    for (; j < count; ++j)
        addCell(exact[j], approximate[j], sums);
    if (std::isnan(sums.gaps)) // maxima don't carry what is not a number; sums do
        sums.largestGap = sums.gaps;
    return sums;
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(sumCellsOf);

} // namespace

CellSums sumCells(std::span<const float> exact, std::span<const float> approximate)
{
    return HWY_DYNAMIC_DISPATCH(sumCellsOf)(exact.data(), approximate.data(), static_cast<Index>(exact.size()));
}

} // namespace attnscope
#endif
