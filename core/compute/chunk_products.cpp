// SPDX-License-Identifier: GPL-3.0-or-later
// Six rows at a time against panels of a chunk's keys, its values and the state, all of which stay in the second cache level.
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/chunk_products.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/chunk_products.h"
#include "core/compute/fetch_ahead.h"
#include "core/compute/micro_kernel-inl.h"
#include "core/compute/state_sums-inl.h"
#include "core/compute/triangle.h"

#include <algorithm>
#include <cassert>

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

constexpr Index kMostColumns = 64; // floats in a register block's row of the widest target

Index chunkLanes() { return static_cast<Index>(hn::Lanes(Floats())); }

/// Calls body.operator()<R>(row) for blocks of at most kBlockRows rows.
template <class Body>
HWY_INLINE void forRows(Index rows, const Body& body)
{
    Index i = 0;
    for (; i + kBlockRows <= rows; i += kBlockRows)
        body.template operator()<kBlockRows>(i);
    if (i + 4 <= rows) {
        body.template operator()<4>(i);
        i += 4;
    }
    if (i + 2 <= rows) {
        body.template operator()<2>(i);
        i += 2;
    }
    if (i < rows)
        body.template operator()<1>(i);
}

/// Calls body.operator()<V>() for that many vectors.
template <class Body>
HWY_INLINE void forVectors(Index vectors, const Body& body)
{
    if constexpr (kBlockVectors == 4) {
        if (vectors == 4)
            return body.template operator()<4>();
        if (vectors == 3)
            return body.template operator()<3>();
    }
    vectors == 2 ? body.template operator()<2>() : body.template operator()<1>();
}

/// Calls body.operator()<V>(first) for the blocks of columns [0, count).
template <class Body>
HWY_INLINE void forColumns(Index count, const Body& body)
{
    const Index lanes = chunkLanes();
    for (Index first = 0; first < count; first += kBlockVectors * lanes)
        forVectors(std::min<Index>(kBlockVectors, (count - first + lanes - 1) / lanes),
                   [&]<int V>() HWY_ATTR { body.template operator()<V>(first); });
}

/// sums += A B over k depths, with a line of what comes later asked for at each.
template <int R, int V>
HWY_INLINE void addProductFetching(hn::Vec<Floats> (&sums)[R][V], Index k, const Strided& left, const float* HWY_RESTRICT b, Index ldb)
{
    const float* ahead = FetchAhead::ofThread().take(k);
    if (!ahead)
        return addProduct<R, V>(sums, k, left, b, ldb);
    const Floats d;
    const Index lanes = chunkLanes();
    const float* HWY_RESTRICT a = left.data;
    for (Index p = 0; p < k; ++p, b += ldb, a += left.step, ahead += kLineFloats) {
        __builtin_prefetch(ahead, 0, 2);
        hn::Vec<Floats> row[V];
#pragma GCC unroll 4
        for (int j = 0; j < V; ++j)
            row[j] = hn::LoadU(d, b + j * lanes);
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) {
            const auto x = hn::Set(d, a[i * left.row]);
#pragma GCC unroll 4
            for (int j = 0; j < V; ++j)
                sums[i][j] = hn::MulAdd(x, row[j], sums[i][j]);
        }
    }
}

template <int R, int V>
HWY_INLINE void scaleSums(hn::Vec<Floats> (&sums)[R][V], const float* factors)
{
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
        const auto f = hn::Set(Floats(), factors[i]);
#pragma GCC unroll 4
        for (int j = 0; j < V; ++j)
            sums[i][j] = hn::Mul(f, sums[i][j]);
    }
}

template <int R, int V>
HWY_INLINE void storeSums(const hn::Vec<Floats> (&sums)[R][V], float* to, Index stride)
{
    const Index lanes = chunkLanes();
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < V; ++j)
            hn::StoreU(sums[i][j], Floats(), to + i * stride + j * lanes);
}

#if HWY_TARGET != HWY_SCALAR
/// Four floats of each of the rows 0, 4, 8, .. of a vector's worth of rows.
template <class D>
HWY_INLINE hn::Vec<D> loadEveryFourth(D d, const float* row, Index stride)
{
    constexpr auto lanes = static_cast<Index>(hn::MaxLanes(D()));
    if constexpr (lanes == 4) {
        return hn::LoadU(d, row);
    } else {
        const hn::Half<D> half;
        return hn::Combine(d, loadEveryFourth(half, row + lanes / 2 * stride, stride), loadEveryFourth(half, row, stride));
    }
}

/// Rows and columns of each 4 x 4 block that four vectors hold change places.
HWY_INLINE void transposeBlocks(hn::Vec<Floats> (&r)[4])
{
    const Floats d;
    const hn::Repartition<double, Floats> wide;
    const auto low01 = hn::BitCast(wide, hn::InterleaveLower(d, r[0], r[1]));
    const auto low23 = hn::BitCast(wide, hn::InterleaveLower(d, r[2], r[3]));
    const auto high01 = hn::BitCast(wide, hn::InterleaveUpper(d, r[0], r[1]));
    const auto high23 = hn::BitCast(wide, hn::InterleaveUpper(d, r[2], r[3]));
    r[0] = hn::BitCast(d, hn::InterleaveLower(wide, low01, low23));
    r[1] = hn::BitCast(d, hn::InterleaveUpper(wide, low01, low23));
    r[2] = hn::BitCast(d, hn::InterleaveLower(wide, high01, high23));
    r[3] = hn::BitCast(d, hn::InterleaveUpper(wide, high01, high23));
}
#endif

void packPanel(const MatrixView<const float>& rows, const float* factors, float* HWY_RESTRICT panel)
{
    Index j = 0;
#if HWY_TARGET != HWY_SCALAR && HWY_HAVE_FLOAT64
    const Floats d;
    const Index lanes = chunkLanes();
    for (; j + lanes <= rows.rows; j += lanes) {
        const auto f = factors ? hn::LoadU(d, factors + j) : hn::Set(d, 1.0F);
        Index p = 0;
        for (; p + 4 <= rows.cols; p += 4) {
            hn::Vec<Floats> block[4];
#pragma GCC unroll 4
            for (Index i = 0; i < 4; ++i)
                block[i] = loadEveryFourth(d, rows.row(j + i) + p, rows.stride);
            transposeBlocks(block);
#pragma GCC unroll 4
            for (Index i = 0; i < 4; ++i)
                hn::StoreU(hn::Mul(f, block[i]), d, panel + (p + i) * kChunkTokens + j);
        }
        for (; p < rows.cols; ++p)
            for (Index i = 0; i < lanes; ++i)
                panel[p * kChunkTokens + j + i] = (factors ? factors[j + i] : 1.0F) * rows(j + i, p);
    }
#endif
    for (; j < kChunkTokens; ++j)
        for (Index p = 0; p < rows.cols; ++p)
            panel[p * kChunkTokens + j] = j < rows.rows ? (factors ? factors[j] : 1.0F) * rows(j, p) : 0.0F;
}

/// to [R, kChunkTokens] = R rows of x by the columns [0, seen) of a panel, over all its rows.
template <int R>
HWY_INLINE void multiplyPanel(const float* x, Index stride, Index depth, const float* panel, Index seen, const float* factors, float* to)
{
    forColumns(seen, [&]<int V>(Index first) HWY_ATTR {
        hn::Vec<Floats> sums[R][V];
        clearSums<R, V>(sums);
        addProduct<R, V>(sums, depth, {x, stride, 1}, panel + first, kChunkTokens);
        if (factors)
            scaleSums<R, V>(sums, factors);
        storeSums<R, V>(sums, to + first, kChunkTokens);
    });
}

/// Row i of R keeps its first `kept` + i columns of those before `seen`.
template <int R>
HWY_INLINE void cutTriangle(Index kept, Index seen, float* to)
{
    for (Index i = 0; i < R; ++i)
        for (Index c = kept + i; c < seen; ++c)
            to[i * kChunkTokens + c] = 0.0F;
}

void lowerRows(const ChunkRows& x, const float* panel, float* lower)
{
    forRows(x.x.rows, [&]<int R>(Index row) HWY_ATTR {
        float* const to = lower + row * kChunkTokens;
        multiplyPanel<R>(x.x.row(row), x.x.stride, x.x.cols, panel, row + R, x.factors + row, to);
        for (Index i = 0; i < R; ++i) { // as far as solveAll reads
            const Index end = std::min(kChunkTokens, ((row + i) / kSolveBlock + 1) * kSolveBlock);
            std::fill(to + i * kChunkTokens + row + i, to + i * kChunkTokens + end, 0.0F);
        }
    });
}

/// R queries from `row` on.
template <int R>
HWY_INLINE void readRows(const ChunkRead& t, Index row, const MatrixView<float>& out)
{
    const Index lanes = chunkLanes();
    const Index seen = t.first + row + R;
    const MatrixView<const float>& q = t.queries.x;
    HWY_ALIGN float weights[2][kBlockRows * kChunkTokens];
    for (int k = 0; k < 2 && t.keys[k].panel; ++k) {
        multiplyPanel<R>(q.row(row), q.stride, q.cols, t.keys[k].panel, seen, nullptr, weights[k]);
        cutTriangle<R>(t.first + row + (t.strict ? 0 : 1), seen, weights[k]);
    }
    forColumns(out.cols, [&]<int V>(Index col) HWY_ATTR {
        const Floats d;
        hn::Vec<Floats> sums[R][V];
        clearSums<R, V>(sums);
        addProductFetching<R, V>(sums, q.cols, {q.row(row), q.stride, 1}, t.state.data + col, t.state.stride);
        for (int k = 0; k < 2 && t.keys[k].panel; ++k)
            addProduct<R, V>(sums, seen, {weights[k], kChunkTokens, 1}, t.keys[k].values.data + col, t.keys[k].values.stride);
        scaleSums<R, V>(sums, t.queries.factors + row);
        for (int i = 0; i < R && t.own; ++i) {
            const auto own = hn::Set(d, t.own[row + i]);
#pragma GCC unroll 4
            for (int j = 0; j < V; ++j)
                sums[i][j] = hn::MulAdd(own, hn::LoadU(d, t.values.row(t.first + row + i) + col + j * lanes), sums[i][j]);
        }
        storeSums<R, V>(sums, out.row(row) + col, out.stride);
    });
}

void readAll(const ChunkRead& t, const MatrixView<float>& out)
{
    forRows(out.rows, [&]<int R>(Index row) HWY_ATTR { readRows<R>(t, row, out); });
}

/// What R rows of a system from `row` on still equal when the rows before `solved` are known, V vectors of it.
template <int R, int V>
HWY_INLINE void restOf(const ChunkSystem& t, Index row, Index solved, Index col, const MatrixView<float>& u, float* rest)
{
    const Floats d;
    const Index lanes = chunkLanes();
    const MatrixView<const float>& a = t.erases.x;
    hn::Vec<Floats> sums[R][V];
    clearSums<R, V>(sums);
    addProductFetching<R, V>(sums, a.cols, {a.row(row), a.stride, 1}, t.state.data + col, t.state.stride);
    scaleSums<R, V>(sums, t.erases.factors + row);
    addProduct<R, V>(sums, solved, {t.lower + row * kChunkTokens, kChunkTokens, 1}, u.data + col, u.stride);
    if (t.other)
        addProduct<R, V>(sums, row + R, {t.other + row * kChunkTokens, kChunkTokens, 1}, t.values.data + col, t.values.stride);
    else
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
            for (int j = 0; j < V; ++j)
                sums[i][j] = hn::Sub(hn::LoadU(d, t.values.row(row + i) + col + j * lanes), sums[i][j]);
    storeSums<R, V>(sums, rest, kMostColumns);
}

void solveAll(const ChunkSystem& t, const MatrixView<float>& u)
{
    HWY_ALIGN float rest[kSolveBlock * kMostColumns];
    forColumns(u.cols, [&]<int V>(Index col) HWY_ATTR {
        for (Index first = 0; first < u.rows; first += kSolveBlock) {
            const Index n = std::min(kSolveBlock, u.rows - first);
            forRows(n, [&]<int R>(Index row) HWY_ATTR { restOf<R, V>(t, first + row, first, col, u, rest + row * kMostColumns); });
            forRows(n, [&]<int R>(Index row) HWY_ATTR {
                hn::Vec<Floats> sums[R][V];
                clearSums<R, V>(sums);
                addProduct<R, V>(sums, row + R, {t.diagonal.row(first + row), t.diagonal.stride, 1}, rest, kMostColumns);
                storeSums<R, V>(sums, u.row(first + row) + col, u.stride);
            });
        }
    });
}

void advanceAll(const ChunkWrites& t, double* sums, const MatrixView<float>& rounded)
{
    HWY_ALIGN float part[kBlockRows * kMostColumns];
    const Index lanes = chunkLanes();
    forRows(rounded.rows, [&]<int R>(Index row) HWY_ATTR {
        forColumns(rounded.cols, [&]<int V>(Index col) HWY_ATTR {
            hn::Vec<Floats> added[R][V];
            clearSums<R, V>(added);
            for (int k = 0; k < 2 && t.keys[k].panel; ++k)
                addProductFetching<R, V>(added, t.keys[k].values.rows, {t.keys[k].panel + row * kChunkTokens, kChunkTokens, 1},
                                         t.keys[k].values.data + col, t.keys[k].values.stride);
            storeSums<R, V>(added, part, kMostColumns);
            for (Index i = 0; i < R; ++i) {
                const double decay = t.decays[t.decays.size() > 1 ? static_cast<std::size_t>(row + i) : 0];
                advance(sums + (row + i) * rounded.cols + col, decay, part + i * kMostColumns, t.shared ? decay : 1.0,
                        rounded.row(row + i) + col, V * lanes);
            }
        });
    });
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(packPanel);
HWY_EXPORT(lowerRows);
HWY_EXPORT(readAll);
HWY_EXPORT(solveAll);
HWY_EXPORT(advanceAll);

} // namespace

void packChunk(MatrixView<const float> rows, std::span<const float> factors, float* panel)
{
    assert(rows.rows <= kChunkTokens && (factors.empty() || static_cast<Index>(factors.size()) >= rows.rows));
    HWY_DYNAMIC_DISPATCH(packPanel)(rows, factors.empty() ? nullptr : factors.data(), panel);
}

void lowerProduct(const ChunkRows& x, const float* panel, float* lower) { HWY_DYNAMIC_DISPATCH(lowerRows)(x, panel, lower); }

void readChunk(const ChunkRead& read, MatrixView<float> out)
{
    assert(out.cols % kChunkColumns == 0 && read.first + out.rows <= kChunkTokens);
    HWY_DYNAMIC_DISPATCH(readAll)(read, out);
}

void solveChunk(const ChunkSystem& system, MatrixView<float> u)
{
    assert(u.cols % kChunkColumns == 0 && u.rows <= kChunkTokens);
    HWY_DYNAMIC_DISPATCH(solveAll)(system, u);
}

void advanceChunk(const ChunkWrites& writes, std::span<double> sums, MatrixView<float> rounded)
{
    assert(rounded.cols % kChunkColumns == 0 && static_cast<Index>(sums.size()) == rounded.rows * rounded.cols);
    HWY_DYNAMIC_DISPATCH(advanceAll)(writes, sums.data(), rounded);
}

} // namespace attnscope
#endif
