// SPDX-License-Identifier: GPL-3.0-or-later
// A step of sums in float64 that float32 is added to, for the insides of kernels.
// (Per-target include guard, as Highway's foreach_target.h asks for.)
#if defined(ATTNSCOPE_STATE_SUMS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTNSCOPE_STATE_SUMS_INL
#undef ATTNSCOPE_STATE_SUMS_INL
#else
#define ATTNSCOPE_STATE_SUMS_INL
#endif

#include "core/base/shape.h"

#include <hwy/highway.h>

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

/// sums = decay sums + share added; rounded gets the new sums.
HWY_INLINE void advance(double* sums, double decay, const float* added, double share, float* rounded, Index count)
{
    Index i = 0;
#if HWY_HAVE_FLOAT64
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::ScalableTag<double> d;
    const hn::Rebind<float, decltype(d)> half;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto f = hn::Set(d, decay);
    const auto part = hn::Set(d, share);
    for (; i + n <= count; i += n) {
        const auto sum = hn::MulAdd(f, hn::LoadU(d, sums + i), hn::Mul(part, hn::PromoteTo(d, hn::LoadU(half, added + i))));
        hn::StoreU(sum, d, sums + i);
        hn::StoreU(hn::DemoteTo(half, sum), half, rounded + i);
    }
#endif
    for (; i < count; ++i) {
        sums[i] = std::fma(decay, sums[i], share * static_cast<double>(added[i]));
        rounded[i] = static_cast<float>(sums[i]);
    }
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
