// SPDX-License-Identifier: GPL-3.0-or-later
// Six queries at a time: their logits, exponentials and outputs follow each other without leaving the first cache level.
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/few_keys.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/exp-inl.h"
#include "core/compute/few_keys.h"
#include "core/compute/micro_kernel-inl.h"

#include <algorithm>
#include <cassert>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

constexpr Index kFetchRows = 12;     // queries between a request and its use: two blocks
constexpr Index kMostBlockCols = 64; // floats in a register block's row of the widest target

Index widthOf() { return blockCols(); }

void pack(const FewKeys::Packed& p, MatrixView<const float> keys, MatrixView<const float> values)
{
    const Index w = blockCols();
    for (Index first = 0; first < keys.rows; first += w)
        packTransposed(keys.row(first), keys.stride, std::min(w, keys.rows - first), keys.cols, p.keyPanels + first * keys.cols, w);
    for (Index col = 0; col < values.cols; col += w)
        for (Index j = 0; j < values.rows; ++j) {
            float* const to = p.valuePanels + col * values.rows + j * w;
            const Index count = std::min(w, values.cols - col);
            std::copy_n(values.row(j) + col, count, to);
            std::fill(to + count, to + w, 0.0F);
        }
}

/// x = 2^(scale x - its maximum) over V vectors; 1 / sum comes back.
template <int V>
HWY_INLINE float exponentiateRow(float* x, float scale)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    hn::Vec<Floats> row[V];
    row[0] = hn::Load(d, x);
    auto top = row[0];
#pragma GCC unroll 16
    for (int j = 1; j < V; ++j) {
        row[j] = hn::Load(d, x + j * n);
        top = hn::Max(top, row[j]);
    }
    const auto factor = hn::Set(d, scale);
    const auto shift = hn::Mul(factor, hn::MaxOfLanes(d, top));
    auto sum = hn::Zero(d);
#pragma GCC unroll 16
    for (int j = 0; j < V; ++j) {
        row[j] = powerOfTwo(d, hn::MulSub(factor, row[j], shift));
        sum = hn::Add(sum, row[j]);
        hn::Store(row[j], d, x + j * n);
    }
    return 1.0F / hn::GetLane(hn::SumOfLanes(d, sum));
}

HWY_INLINE float exponentiateLongRow(float* x, Index width, float scale)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    auto top = hn::Load(d, x);
    for (Index j = n; j < width; j += n)
        top = hn::Max(top, hn::Load(d, x + j));
    const auto factor = hn::Set(d, scale);
    const auto shift = hn::Mul(factor, hn::MaxOfLanes(d, top));
    auto sum = hn::Zero(d);
    for (Index j = 0; j < width; j += n) {
        const auto p = powerOfTwo(d, hn::MulSub(factor, hn::Load(d, x + j), shift));
        sum = hn::Add(sum, p);
        hn::Store(p, d, x + j);
    }
    return 1.0F / hn::GetLane(hn::SumOfLanes(d, sum));
}

/// R queries from `row` on.
template <int R>
void attendRows(const FewKeys::Packed& p, const MatrixView<const float>& q, Index row, float scale, const MatrixView<float>& out)
{
    const Index w = blockCols();
    const auto lanes = static_cast<Index>(hn::Lanes(Floats()));
    const Index width = (p.keys + lanes - 1) / lanes * lanes;
    HWY_ALIGN float weights[kBlockRows * kMostFewKeys];
    HWY_ALIGN float part[kBlockRows * kMostBlockCols];
    HWY_ALIGN float inverse[kBlockRows];
    for (Index first = 0; first < p.keys; first += w)
        multiplyRows(R, {p.dim, {q.row(row), q.stride, 1}, p.keyPanels + first * p.dim, w, weights + first, width, 1.0F, false},
                     std::min(w, width - first) / lanes);
    for (int i = 0; i < R; ++i) {
        float* const x = weights + i * width;
        std::fill(x + p.keys, x + width, std::numeric_limits<float>::lowest());
        inverse[i] = width == 4 * lanes ? exponentiateRow<4>(x, scale) : exponentiateLongRow(x, width, scale);
    }
    for (Index col = 0; col < p.valueDim; col += w) {
        const Index count = std::min(w, p.valueDim - col);
        const bool whole = count % lanes == 0;
        multiplyRows(R,
                     {p.keys,
                      {weights, width, 1},
                      p.valuePanels + col * p.keys,
                      w,
                      whole ? out.row(row) + col : part,
                      whole ? out.stride : w,
                      1.0F,
                      false,
                      inverse},
                     (count + lanes - 1) / lanes);
        for (int i = 0; i < R && !whole; ++i)
            std::copy_n(part + i * w, count, out.row(row + i) + col);
    }
}

void attendAll(const FewKeys::Packed& p, const MatrixView<const float>& q, float scale, const MatrixView<float>& out)
{
    const Ahead queries{q.data, q.rows, q.cols, q.stride};
    const Ahead outputs{out.data, out.rows, out.cols, out.stride};
    fetchRows(queries, 0, kFetchRows);
    Index i = 0;
    for (; i + kBlockRows <= q.rows; i += kBlockRows) {
        fetchRows(queries, i + kFetchRows, i + kFetchRows + kBlockRows);
        fetchRows(outputs, i, i + kBlockRows);
        attendRows<kBlockRows>(p, q, i, scale, out);
    }
    for (; i < q.rows; ++i)
        attendRows<1>(p, q, i, scale, out);
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(widthOf);
HWY_EXPORT(pack);
HWY_EXPORT(attendAll);

} // namespace

FewKeys::FewKeys(MatrixView<const float> keys, MatrixView<const float> values)
{
    assert(keys.rows == values.rows && keys.rows > 0 && keys.rows <= kMostFewKeys);
    const Index w = HWY_DYNAMIC_DISPATCH(widthOf)();
    const auto padded = [w](Index count) { return (count + w - 1) / w * w; };
    const Index keyFloats = padded(keys.rows) * keys.cols;
    float* const memory = m_memory.floats(keyFloats + padded(values.cols) * keys.rows);
    m_packed = {keys.rows, keys.cols, values.cols, memory, memory + keyFloats};
    HWY_DYNAMIC_DISPATCH(pack)(m_packed, keys, values);
}

void FewKeys::attend(MatrixView<const float> q, float scale, MatrixView<float> out) const
{
    assert(q.cols == m_packed.dim && out.cols == m_packed.valueDim && q.rows == out.rows);
    constexpr float log2E = 1.442695041F;
    HWY_DYNAMIC_DISPATCH(attendAll)(m_packed, q, log2E * scale, out);
}

} // namespace attnscope
#endif
