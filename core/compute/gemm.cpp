// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products: B is packed into panels as wide as the register block, A is read where it lies.
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/gemm.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/dense.h"
#include "core/compute/fetch_ahead.h"
#include "core/compute/few_rows.h"
#include "core/compute/micro_kernel-inl.h"
#include "core/compute/scratch.h"
#include "core/compute/triangle.h"

#include <algorithm>
#include <cassert>

// One product, whatever is transposed: A by its strides, B by a flag. (Shared by all targets, hence the guard.)
#ifndef ATTNSCOPE_GEMM_TASK
#define ATTNSCOPE_GEMM_TASK
namespace attnscope {

/// What of a product is a lower triangle: depths beyond a row of A, or columns of C beyond it, need no work.
enum class Triangle { None, OfA, OfC };

struct GemmTask {
    const float* a;
    Index aRow;
    Index aStep;
    MatrixView<const float> b;
    bool bTransposed;
    Index k;
    MatrixView<float> c;
    float scale;
    bool add;
    Triangle triangle = Triangle::None;
};

inline Scratch& threadPanel()
{
    thread_local Scratch buffer;
    return buffer;
}

} // namespace attnscope
#endif

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

constexpr Index kDepth = 256;       // rows of a panel at most: it stays in the nearer cache levels
constexpr Index kPackedRows = 12;   // packing B pays from here on
constexpr Index kMaxBlockCols = 64; // floats in a register block's row of the widest target

void packRows(const float* b, Index stride, Index count, Index k, float* panel, Index width)
{
    for (Index p = 0; p < k; ++p) {
        std::copy_n(b + p * stride, count, panel + p * width);
        std::fill_n(panel + p * width + count, width - count, 0.0F);
    }
}

/// Where a panel of B lies in the product: columns from `col` on, depths from `p0` on.
struct Panel {
    Index col;
    Index count;
    Index p0;
    Index k;
    Index vectors;
};

/// Depths that the rows before `end` need of a panel.
Index depthOf(const GemmTask& t, const Panel& panel, Index end)
{
    return t.triangle == Triangle::OfA ? std::clamp<Index>(end - panel.p0, 0, panel.k) : panel.k;
}

/// Vectors of C that they need.
Index vectorsOf(const GemmTask& t, const Panel& panel, Index end)
{
    const auto lanes = static_cast<Index>(hn::Lanes(Floats()));
    return t.triangle == Triangle::OfC ? std::clamp<Index>((end - panel.col + lanes - 1) / lanes, 0, panel.vectors) : panel.vectors;
}

/// The last columns, where they fill no vector, go through a block beside C.
void multiplyEdge(const GemmTask& t, BlockTask block, const Panel& panel)
{
    HWY_ALIGN float edge[kBlockRows * kMaxBlockCols];
    const auto lanes = static_cast<Index>(hn::Lanes(Floats()));
    const bool add = block.add;
    block.add = false;
    block.c = edge;
    block.ldc = kMaxBlockCols;
    for (Index i = 0; i < t.c.rows; i += kBlockRows, block.a.data += kBlockRows * block.a.row) {
        const Index rows = std::min<Index>(kBlockRows, t.c.rows - i);
        const Index vectors = vectorsOf(t, panel, i + rows);
        if (vectors == 0)
            continue;
        block.k = depthOf(t, panel, i + rows);
        multiplyRows(rows, block, vectors);
        for (Index r = 0; r < rows; ++r)
            for (Index j = 0; j < std::min(panel.count, vectors * lanes); ++j) {
                float& cell = t.c(i + r, panel.col + j);
                cell = edge[r * kMaxBlockCols + j] + (add ? cell : 0.0F);
            }
    }
}

/// The same of whole vectors, as far as a triangle reaches, with fetches between the blocks.
void multiplyInBlocks(const GemmTask& t, BlockTask block, const Panel& panel)
{
    FetchAhead& ahead = FetchAhead::ofThread();
    for (Index i = 0; i < t.c.rows; i += kBlockRows) {
        ahead.step();
        const Index rows = std::min<Index>(kBlockRows, t.c.rows - i);
        const Index vectors = vectorsOf(t, panel, i + rows);
        block.k = depthOf(t, panel, i + rows);
        if (vectors > 0)
            multiplyRows(rows, block, vectors);
        block.a.data += kBlockRows * block.a.row;
        block.c += kBlockRows * block.ldc;
    }
}

/// The columns [col, col + count) of C over the depths [p0, p0 + k).
void multiplyPanel(const GemmTask& t, Index col, Index count, Index p0, Index k, bool add)
{
    const auto lanes = static_cast<Index>(hn::Lanes(Floats()));
    const Index vectors = (count + lanes - 1) / lanes;
    const Index width = vectors * lanes;
    BlockTask block{k, {t.a + p0 * t.aStep, t.aRow, t.aStep}, nullptr, width, t.c.data + col, t.c.stride, t.scale, add};
    const bool narrow = t.b.stride <= blockCols(); // lies as a panel already
    if (!t.bTransposed && count == width && (narrow || t.c.rows < kPackedRows)) {
        block.b = t.b.row(p0) + col;
        block.ldb = t.b.stride;
    } else {
        float* packed = threadPanel().floats(kDepth * width);
        if (t.bTransposed)
            packTransposed(t.b.row(col) + p0, t.b.stride, count, k, packed, width);
        else
            packRows(t.b.row(p0) + col, t.b.stride, count, k, packed, width);
        block.b = packed;
    }
    if (count != width)
        multiplyEdge(t, block, {col, count, p0, k, vectors});
    else if (t.triangle == Triangle::None && !FetchAhead::ofThread().pending())
        multiplyRows(t.c.rows, block, vectors);
    else
        multiplyInBlocks(t, block, {col, count, p0, k, vectors});
}

void multiply(const GemmTask& t)
{
    const Index width = blockCols();
    const Index pieces = (t.k + kDepth - 1) / kDepth;
    const Index depth = pieces > 0 ? (t.k + pieces - 1) / pieces : 0;
    for (Index p0 = 0; p0 < t.k; p0 += depth)
        for (Index col = 0; col < t.c.cols; col += width)
            multiplyPanel(t, col, std::min(width, t.c.cols - col), p0, std::min(depth, t.k - p0), t.add || p0 > 0);
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "core/base/parallel.h"

namespace attnscope {

namespace {

HWY_EXPORT(multiply);

void dispatch(const GemmTask& task)
{
    if (task.k == 0 && !task.add)
        for (Index i = 0; i < task.c.rows; ++i)
            std::fill_n(task.c.row(i), task.c.cols, 0.0F);
    HWY_DYNAMIC_DISPATCH(multiply)(task);
}

constexpr Index kParallelRows = 64;
constexpr Index kStreamedDepth = 128; // shorter rows gain nothing from being read in order

} // namespace

void gemmNT(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale, Into into)
{
    assert(a.rows == c.rows && b.rows == c.cols && a.cols == b.cols);
    dispatch({a.data, a.stride, 1, b, true, a.cols, c, scale, into == Into::Add});
}

void gemmNN(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale, Into into)
{
    assert(a.rows == c.rows && b.cols == c.cols && a.cols == b.rows);
    dispatch({a.data, a.stride, 1, b, false, a.cols, c, scale, into == Into::Add});
}

void gemmTN(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale, Into into)
{
    assert(a.cols == c.rows && b.cols == c.cols && a.rows == b.rows);
    dispatch({a.data, 1, a.stride, b, false, a.rows, c, scale, into == Into::Add});
}

void lowerTimes(MatrixView<const float> lower, MatrixView<const float> b, MatrixView<float> c, float scale, Into into)
{
    assert(lower.rows == lower.cols && lower.rows == c.rows && b.cols == c.cols && lower.cols == b.rows);
    dispatch({lower.data, lower.stride, 1, b, false, lower.cols, c, scale, into == Into::Add, Triangle::OfA});
}

void lowerGemmNT(MatrixView<const float> a, MatrixView<const float> b, bool strict, MatrixView<float> c)
{
    assert(a.rows == c.rows && b.rows == c.cols && a.cols == b.cols && c.rows == c.cols);
    dispatch({a.data, a.stride, 1, b, true, a.cols, c, 1.0F, false, Triangle::OfC});
    for (Index r = 0; r < c.rows; ++r)
        std::fill(c.row(r) + r + (strict ? 0 : 1), c.row(r) + c.cols, 0.0F);
}

bool parallelGemmNT(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale, const RunContext& context)
{
    // Cut the longer side, so that each thread packs as little of B as possible.
    const auto threads = static_cast<Index>(context.threadCount());
    if (c.rows <= kFewRows && a.cols >= kStreamedDepth) {
        const Index grain = std::max(kParallelRows, c.cols / (4 * threads));
        return parallelFor(c.cols, grain, context, [&](Index first, Index last) {
            fewRowsNT(a, b.rowRange(first, last - first), {c.data + first, c.rows, last - first, c.stride}, scale);
        });
    }
    if (c.cols > c.rows) {
        const Index grain = std::max(kParallelRows, (c.cols / (2 * threads) + kParallelRows - 1) / kParallelRows * kParallelRows);
        return parallelFor(c.cols, grain, context, [&](Index first, Index last) {
            gemmNT(a, b.rowRange(first, last - first), {c.data + first, c.rows, last - first, c.stride}, scale);
        });
    }
    const Index grain = std::max(kParallelRows, (c.rows / (2 * threads) + kParallelRows - 1) / kParallelRows * kParallelRows);
    return parallelFor(c.rows, grain, context, [&](Index first, Index last) {
        gemmNT(a.rowRange(first, last - first), b, c.rowRange(first, last - first), scale);
    });
}

} // namespace attnscope
#endif
