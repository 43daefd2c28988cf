// SPDX-License-Identifier: GPL-3.0-or-later
// Systems of unit lower triangles: the blocks along the diagonal are inverted in float64, the rest are products.
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/triangle.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/triangle.h"

#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr Index kBlocksAtOnce = 4; // whose chains of additions hide each other's latency

/// Row r of the inverse of one block [n, n], n <= kSolveBlock, whose earlier rows lie in `rows`.
HWY_INLINE void eliminateInBlock(const MatrixView<const float>& lower, double sign, Index r, Index n, double* rows)
{
    double* row = rows + r * kSolveBlock;
#if HWY_HAVE_FLOAT64
    const hn::CappedTag<double, kSolveBlock> d;
    constexpr auto lanes = static_cast<Index>(hn::MaxLanes(d)); // of known size on all targets (simd_targets.h)
    constexpr Index vectors = kSolveBlock / lanes;
    hn::Vec<decltype(d)> sums[vectors];
    for (auto& sum : sums)
        sum = hn::Zero(d);
    for (Index s = 0; s < r; ++s) {
        const auto factor = hn::Set(d, -sign * static_cast<double>(lower(r, s)));
        for (Index i = 0; i < vectors; ++i)
            sums[i] = hn::MulAdd(factor, hn::LoadU(d, rows + s * kSolveBlock + i * lanes), sums[i]);
    }
    for (Index i = 0; i < vectors; ++i)
        hn::StoreU(sums[i], d, row + i * lanes);
#else
    std::fill_n(row, kSolveBlock, 0.0);
    for (Index s = 0; s < r; ++s)
        for (Index j = 0; j < n; ++j)
            row[j] -= sign * static_cast<double>(lower(r, s)) * rows[s * kSolveBlock + j];
#endif
    std::fill(row + r, row + n, 0.0);
    row[r] = 1.0;
}

void invertBlocks(const MatrixView<const float>& lower, double sign, const MatrixView<float>& out)
{
    HWY_ALIGN double work[kBlocksAtOnce * kSolveBlock * kSolveBlock];
    for (Index first = 0; first < lower.rows; first += kBlocksAtOnce * kSolveBlock)
        for (Index r = 0; r < kSolveBlock; ++r)
            for (Index b = 0, at = first; b < kBlocksAtOnce && at + r < lower.rows; ++b, at += kSolveBlock) {
                const Index n = std::min(kSolveBlock, lower.rows - at);
                double* rows = work + b * kSolveBlock * kSolveBlock;
                eliminateInBlock({lower.row(at) + at, n, n, lower.stride}, sign, r, n, rows);
                std::transform(rows + r * kSolveBlock, rows + r * kSolveBlock + n, out.row(at + r),
                               [](double x) { return static_cast<float>(x); });
            }
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(invertBlocks);

} // namespace

void invertDiagonal(MatrixView<const float> lower, double sign, MatrixView<float> out)
{
    assert(out.rows == lower.rows && out.cols >= std::min(kSolveBlock, lower.rows));
    HWY_DYNAMIC_DISPATCH(invertBlocks)(lower, sign, out);
}

void solveUnitLower(MatrixView<const float> lower, double sign, MatrixView<const float> diagonal, MatrixView<float> y, MatrixView<float> x)
{
    for (Index first = 0; first < x.rows; first += kSolveBlock) {
        const Index n = std::min(kSolveBlock, x.rows - first);
        const auto rest = y.rowRange(first, n);
        if (first > 0)
            gemmNN({lower.row(first), n, first, lower.stride}, x.rowRange(0, first), rest, static_cast<float>(-sign), Into::Add);
        lowerTimes({diagonal.row(first), n, n, diagonal.stride}, rest, x.rowRange(first, n));
    }
}

} // namespace attnscope
#endif
