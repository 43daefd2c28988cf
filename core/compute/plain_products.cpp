// SPDX-License-Identifier: GPL-3.0-or-later
// Both products of a query stay in the same registers; values are fetched while those before them are multiplied.
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/plain_products.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/micro_kernel-inl.h"
#include "core/compute/plain_products.h"

#include <algorithm>
#include <cassert>

#ifndef ATTNSCOPE_PLAIN_ANSWER
#define ATTNSCOPE_PLAIN_ANSWER
namespace attnscope {

struct Answer {
    MatrixView<const float> phi;
    PlainSums sums;
    MatrixView<const float> v; ///< of the chunk
    const float* transposes;   ///< null: no chunk
    MatrixView<float> out;
};

} // namespace attnscope
#endif

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

Index lanesOf() { return static_cast<Index>(hn::Lanes(Floats())); }

void packChunk(const MatrixView<const float>& phi, float* panel)
{
    packTransposed(phi.data, phi.stride, phi.rows, phi.cols, panel, kPlainChunk);
}

/// weights += the sums of phi's columns.
void addColumnSums(const MatrixView<const float>& phi, float* weights)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    Index r = 0;
    for (; r + n <= phi.cols; r += n) {
        auto even = hn::LoadU(d, weights + r);
        auto odd = hn::Zero(d);
        Index j = 0;
        for (; j + 2 <= phi.rows; j += 2) {
            even = hn::Add(even, hn::LoadU(d, phi.row(j) + r));
            odd = hn::Add(odd, hn::LoadU(d, phi.row(j + 1) + r));
        }
        if (j < phi.rows)
            even = hn::Add(even, hn::LoadU(d, phi.row(j) + r));
        hn::StoreU(hn::Add(even, odd), d, weights + r);
    }
    for (; r < phi.cols; ++r)
        for (Index j = 0; j < phi.rows; ++j)
            weights[r] += phi(j, r);
}

void addKeys(const MatrixView<const float>& phi, const MatrixView<const float>& v, const PlainSums& sums,
             const MatrixView<const float>& nextValues)
{
    const auto lanes = static_cast<Index>(hn::Lanes(Floats()));
    const Index w = blockCols();
    const Index blocks = (sums.features + kBlockRows - 1) / kBlockRows;
    for (Index col = 0; col < sums.stride; col += w)
        for (Index b = 0; b < blocks; ++b) {
            if (col == 0)
                fetchRows({nextValues.data, nextValues.rows, nextValues.cols, nextValues.stride}, b * nextValues.rows / blocks,
                          (b + 1) * nextValues.rows / blocks);
            const Index r = b * kBlockRows;
            const BlockTask block{
                phi.rows, {phi.data + r, 1, phi.stride}, v.data + col, v.stride, sums.data + r * sums.stride + col, sums.stride, 1.0F,
                true};
            multiplyRows(std::min<Index>(kBlockRows, sums.features - r), block, std::min(w, sums.stride - col) / lanes);
        }
    addColumnSums(phi, sums.weights());
}

/// phi . weights + the sum of the row's products.
HWY_INLINE float denominatorOf(const float* phi, const float* weights, Index features, const float* products, Index width)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    auto sum = hn::Zero(d);
    auto other = hn::Zero(d);
    Index r = 0;
    for (; r + 2 * n <= features; r += 2 * n) {
        sum = hn::MulAdd(hn::LoadU(d, phi + r), hn::LoadU(d, weights + r), sum);
        other = hn::MulAdd(hn::LoadU(d, phi + r + n), hn::LoadU(d, weights + r + n), other);
    }
    for (; r + n <= features; r += n)
        sum = hn::MulAdd(hn::LoadU(d, phi + r), hn::LoadU(d, weights + r), sum);
    for (Index j = 0; j < width; j += n)
        other = hn::Add(other, hn::Load(d, products + j));
    float total = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, other)));
    for (; r < features; ++r)
        total += phi[r] * weights[r];
    return total;
}

/// R rows and V vectors of the output, both products in the same registers.
template <int R, int V>
HWY_INLINE void answerBlock(const Answer& a, Index row, Index col, const float* products, const float* inverse, float* to, Index toStride)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    hn::Vec<Floats> sums[R][V];
    clearSums<R, V>(sums);
    addProduct<R, V>(sums, a.phi.cols, {a.phi.row(row), a.phi.stride, 1}, a.sums.data + col, a.sums.stride);
    if (a.transposes)
        addProduct<R, V>(sums, std::min(row + R, a.v.rows), {products, kPlainChunk, 1}, a.v.data + col, a.v.stride);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
        const auto factor = hn::Set(d, inverse[i]);
#pragma GCC unroll 4
        for (int j = 0; j < V; ++j)
            hn::StoreU(hn::Mul(factor, sums[i][j]), d, to + i * toStride + j * n);
    }
}

template <int R>
HWY_INLINE void answerColumns(const Answer& a, Index row, Index col, Index vectors, const float* products, const float* inverse, float* to,
                              Index toStride)
{
    if constexpr (kBlockVectors == 4) {
        if (vectors == 4)
            return answerBlock<R, 4>(a, row, col, products, inverse, to, toStride);
        if (vectors == 3)
            return answerBlock<R, 3>(a, row, col, products, inverse, to, toStride);
    }
    return vectors == 2 ? answerBlock<R, 2>(a, row, col, products, inverse, to, toStride)
                        : answerBlock<R, 1>(a, row, col, products, inverse, to, toStride);
}

/// P of R queries from `row` on, 0 above the diagonal; its width in whole vectors comes back.
template <int R>
HWY_INLINE Index chunkProducts(const Answer& a, Index row, float* products)
{
    const auto lanes = static_cast<Index>(hn::Lanes(Floats()));
    const Index w = blockCols();
    const Index width = (row + R + lanes - 1) / lanes * lanes;
    for (Index col = 0; col < width; col += w)
        multiplyRows(
            R, {a.phi.cols, {a.phi.row(row), a.phi.stride, 1}, a.transposes + col, kPlainChunk, products + col, kPlainChunk, 1.0F, false},
            std::min(w, width - col) / lanes);
    for (int i = 0; i < R; ++i)
        std::fill(products + i * kPlainChunk + row + i + 1, products + i * kPlainChunk + width, 0.0F);
    return width;
}

template <int R>
void answerRows(const Answer& a, Index row)
{
    HWY_ALIGN float products[kBlockRows * kPlainChunk];
    HWY_ALIGN float part[kBlockRows * kPlainChunk];
    float inverse[R];
    const Index width = a.transposes ? chunkProducts<R>(a, row, products) : 0;
    for (int i = 0; i < R; ++i)
        inverse[i] = 1.0F / denominatorOf(a.phi.row(row + i), a.sums.weights(), a.phi.cols, products + i * kPlainChunk, width);
    const auto lanes = static_cast<Index>(hn::Lanes(Floats()));
    const Index w = blockCols();
    for (Index col = 0; col < a.out.cols; col += w) {
        const Index count = std::min(w, a.out.cols - col);
        const Index vectors = (count + lanes - 1) / lanes;
        if (count % lanes == 0) {
            answerColumns<R>(a, row, col, vectors, products, inverse, a.out.row(row) + col, a.out.stride);
            continue;
        }
        answerColumns<R>(a, row, col, vectors, products, inverse, part, kPlainChunk);
        for (int i = 0; i < R; ++i)
            std::copy_n(part + i * kPlainChunk, count, a.out.row(row + i) + col);
    }
}

void answerAll(const Answer& a)
{
    const Ahead outputs{a.out.data, a.out.rows, a.out.cols, a.out.stride};
    Index row = 0;
    for (; row + kBlockRows <= a.phi.rows; row += kBlockRows) {
        fetchRows(outputs, row, row + kBlockRows);
        answerRows<kBlockRows>(a, row);
    }
    if (row + 4 <= a.phi.rows) {
        answerRows<4>(a, row);
        row += 4;
    }
    for (; row < a.phi.rows; ++row)
        answerRows<1>(a, row);
}

void addSums(const float* a, const float* b, float* sum, Index count)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    Index i = 0;
    for (; i + n <= count; i += n)
        hn::StoreU(hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, sum + i);
    for (; i < count; ++i)
        sum[i] = a[i] + b[i];
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(lanesOf);
HWY_EXPORT(packChunk);
HWY_EXPORT(addKeys);
HWY_EXPORT(answerAll);
HWY_EXPORT(addSums);

} // namespace

Index plainStride(Index valueDim)
{
    const Index lanes = HWY_DYNAMIC_DISPATCH(lanesOf)();
    return (valueDim + lanes - 1) / lanes * lanes;
}

void PlainChunk::assign(MatrixView<const float> phi, MatrixView<const float> v, bool withTransposes)
{
    assert(phi.rows == v.rows && (phi.rows <= kPlainChunk || !withTransposes));
    m_phi = phi;
    m_v = v;
    if (const Index stride = plainStride(v.cols); stride != v.cols) {
        const MatrixView<float> padded{m_values.floats(v.rows * stride), v.rows, stride, stride};
        for (Index j = 0; j < v.rows; ++j) {
            std::copy_n(v.row(j), v.cols, padded.row(j));
            std::fill(padded.row(j) + v.cols, padded.row(j) + stride, 0.0F);
        }
        m_v = padded;
    }
    m_transposes = nullptr;
    if (withTransposes) {
        float* const panel = m_panel.floats(phi.cols * kPlainChunk);
        HWY_DYNAMIC_DISPATCH(packChunk)(phi, panel);
        m_transposes = panel;
    }
}

void addPlainKeys(const PlainChunk& chunk, const PlainSums& sums, MatrixView<const float> nextValues)
{
    assert(chunk.phi().cols == sums.features && chunk.v().cols == sums.stride);
    HWY_DYNAMIC_DISPATCH(addKeys)(chunk.phi(), chunk.v(), sums, nextValues);
}

void answerPlainQueries(MatrixView<const float> phi, const PlainSums& sums, const PlainChunk* chunk, MatrixView<float> out)
{
    assert(phi.cols == sums.features && phi.rows == out.rows && plainStride(out.cols) == sums.stride);
    HWY_DYNAMIC_DISPATCH(answerAll)
    ({phi, sums, chunk ? chunk->v() : MatrixView<const float>{}, chunk ? chunk->transposes() : nullptr, out});
}

void addPlainSums(const PlainSums& a, const PlainSums& b, const PlainSums& sum)
{
    HWY_DYNAMIC_DISPATCH(addSums)(a.data, b.data, sum.data, sum.size());
}

} // namespace attnscope
#endif
