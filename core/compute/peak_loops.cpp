// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/peak_loops.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/peak_loops.h"

#include "core/compute/exp-inl.h"
#include <hwy/highway.h>

#include <cassert>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

constexpr int kChains = HWY_TARGET <= HWY_AVX3 ? 24 : 12; // latency times units is at most 10 on processors of today

double multiplyAdds(Index rounds, float* sink)
{
    const Floats d;
    hn::Vec<Floats> chains[kChains];
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i)
        chains[i] = hn::Set(d, static_cast<float>(i));
    const auto factor = hn::Set(d, 0.999F);
    const auto more = hn::Set(d, 0.001F);
    for (Index r = 0; r < rounds; ++r) {
#pragma GCC unroll 24
        for (auto& chain : chains)
            chain = hn::MulAdd(chain, factor, more);
    }
    auto sum = hn::Zero(d);
#pragma GCC unroll 24
    for (const auto& chain : chains)
        sum = hn::Add(sum, chain);
    *sink = hn::GetLane(hn::SumOfLanes(d, sum));
    return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

void exponentials(const float* x, float* y, Index count)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    Index i = 0;
    for (; i + 4 * n <= count; i += 4 * n) {
        const auto y0 = powerOfTwo(d, hn::LoadU(d, x + i));
        const auto y1 = powerOfTwo(d, hn::LoadU(d, x + i + n));
        const auto y2 = powerOfTwo(d, hn::LoadU(d, x + i + 2 * n));
        const auto y3 = powerOfTwo(d, hn::LoadU(d, x + i + 3 * n));
        hn::StoreU(y0, d, y + i);
        hn::StoreU(y1, d, y + i + n);
        hn::StoreU(y2, d, y + i + 2 * n);
        hn::StoreU(y3, d, y + i + 3 * n);
    }
    assert(i == count);
}

void triad(float* a, const float* b, float factor, const float* c, Index count)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    const auto f = hn::Set(d, factor);
    Index i = 0;
    for (; i + n <= count; i += n)
        hn::StoreU(hn::MulAdd(f, hn::LoadU(d, c + i), hn::LoadU(d, b + i)), d, a + i);
    for (; i < count; ++i)
        a[i] = b[i] + factor * c[i];
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(multiplyAdds);
HWY_EXPORT(exponentials);
HWY_EXPORT(triad);

} // namespace

double multiplyAddLoop(Index rounds, float& sink) { return HWY_DYNAMIC_DISPATCH(multiplyAdds)(rounds, &sink); }

void expLoop(std::span<const float> x, std::span<float> y)
{
    HWY_DYNAMIC_DISPATCH(exponentials)(x.data(), y.data(), static_cast<Index>(x.size()));
}

void triadLoop(std::span<float> a, std::span<const float> b, float factor, std::span<const float> c)
{
    HWY_DYNAMIC_DISPATCH(triad)(a.data(), b.data(), factor, c.data(), static_cast<Index>(a.size()));
}

} // namespace attnscope
#endif
