// SPDX-License-Identifier: GPL-3.0-or-later
// Exponentials for the insides of kernels: a dozen operations a vector, right to one unit in the last place.
// (Per-target include guard, as Highway's foreach_target.h asks for.)
#if defined(ATTNSCOPE_EXP_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTNSCOPE_EXP_INL
#undef ATTNSCOPE_EXP_INL
#else
#define ATTNSCOPE_EXP_INL
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// 2^-125 is the last power whose mantissa's range stays normal; what is below becomes 0.
inline constexpr float kLeastPower = -125.0F;

/// 2^y for y < 128: 0 below 2^-125, NaN stays NaN. y is cut into an integer, which is added to the exponent's bits, and a rest of at
/// most one half, for which a polynomial of degree 6 (its largest relative error least, 1 at 0) is right to 2e-9.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V powerOfTwo(D d, V y)
{
    const hn::RebindToSigned<D> di;
    const auto least = hn::Set(d, kLeastPower);
    const auto rounder = hn::Set(d, 12582912.0F); // 1.5 * 2^23: the sum's last bits are the integer
    const auto cut = hn::Max(least, y);           // in this order NaN passes
    const auto sum = hn::Add(cut, rounder);
    const auto rest = hn::Sub(cut, hn::Sub(sum, rounder));
    auto p = hn::MulAdd(hn::Set(d, 0.00015353361959569156F), rest, hn::Set(d, 0.0013398875016719103F));
    p = hn::MulAdd(p, rest, hn::Set(d, 0.00961843691766262F));
    p = hn::MulAdd(p, rest, hn::Set(d, 0.055503323674201965F));
    p = hn::MulAdd(p, rest, hn::Set(d, 0.24022647738456726F));
    p = hn::MulAdd(p, rest, hn::Set(d, 0.6931471824645996F));
    p = hn::MulAdd(p, rest, hn::Set(d, 1.0F));
    const auto power = hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, sum))));
    return hn::IfThenZeroElse(hn::Lt(y, least), power);
}

/// e^x for x < 88.7: 0 below e^-86.6, NaN stays NaN. 2^round(x / ln 2) times e to the rest, which two constants keep exact.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exponential(D d, V x)
{
    const hn::RebindToSigned<D> di;
    const auto least = hn::Set(d, -86.6F);
    const auto rounder = hn::Set(d, 12582912.0F);
    const auto cut = hn::Max(least, hn::Min(hn::Set(d, 88.72F), x));
    const auto sum = hn::MulAdd(cut, hn::Set(d, 1.442695041F), rounder);
    const auto whole = hn::Sub(sum, rounder);
    auto rest = hn::NegMulAdd(whole, hn::Set(d, 0.693145752F), cut);
    rest = hn::NegMulAdd(whole, hn::Set(d, 1.42860682e-6F), rest);
    auto p = hn::MulAdd(hn::Set(d, 0.001381461275741458F), rest, hn::Set(d, 0.008368710055947304F));
    p = hn::MulAdd(p, rest, hn::Set(d, 0.04166838899254799F));
    p = hn::MulAdd(p, rest, hn::Set(d, 0.1666652113199234F));
    p = hn::MulAdd(p, rest, hn::Set(d, 0.4999999403953552F));
    p = hn::MulAdd(p, rest, hn::Set(d, 1.0F));
    p = hn::MulAdd(p, rest, hn::Set(d, 1.0F));
    const auto power = hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, sum))));
    return hn::IfThenZeroElse(hn::Lt(x, least), power);
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
