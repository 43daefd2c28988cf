// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/gaussian_kernel.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/augmented.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kQueries = 64;
constexpr Index kKeys = 256;
constexpr Index kReadRows = 128;

/// [q, -1] and [k, |k|²/2] of one head: scale times their product is the exponent but for -scale |q|²/2.
struct Augmented {
    Tensor q;
    Tensor k;
    std::vector<float> halfSquares; ///< scale |q_i|² / 2
};

Augmented augmented(const Inputs& in, HeadRef head)
{
    Augmented a{withMinusOne(in.qOf(head)), withHalfSquares(in.kOf(head)), {}};
    const Tensor squares = withHalfSquares(in.qOf(head));
    for (Index i = 0; i < squares.rows(); ++i)
        a.halfSquares.push_back(in.effectiveScale() * squares.matrix()(i, squares.cols() - 1));
    return a;
}

/// C of the queries [row0, row0 + out.rows) and the keys [col0, col0 + out.cols).
void fillKernel(const Augmented& a, float scale, Index row0, Index col0, MatrixView<float> out)
{
    gemmNT(a.q.matrix().rowRange(row0, out.rows), a.k.matrix().rowRange(col0, out.cols), out, scale);
    for (Index i = 0; i < out.rows; ++i)
        expRow(out.rowSpan(i), a.halfSquares[static_cast<std::size_t>(row0 + i)]);
}

class GaussianSource final : public ScoreSource {
public:
    GaussianSource(const Inputs& inputs, HeadRef head) : m_scale(inputs.effectiveScale()), m_augmented(augmented(inputs, head)) {}

    Index rows() const override { return m_augmented.q.rows(); }
    Index cols() const override { return m_augmented.k.rows(); }
    Provenance provenance() const override { return Provenance::Implied; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        const bool done = parallelFor(out.rows, kReadRows, context, [&](Index first, Index last) {
            fillKernel(m_augmented, m_scale, row0 + first, col0, out.rowRange(first, last - first));
        });
        return done ? Result<void>() : Result<void>(cancelledError());
    }

private:
    float m_scale;
    Augmented m_augmented;
};

} // namespace

Result<Tensor> runGaussian(const Inputs& in, const RunContext& context)
{
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    std::vector<Augmented> heads(static_cast<std::size_t>(s.batch * s.heads));
    for (Index h = 0; h < s.batch * s.heads; ++h)
        heads[static_cast<std::size_t>(h)] = augmented(in, {h / s.heads, h % s.heads});
    const Index blocks = (s.queries + kQueries - 1) / kQueries;
    const bool done = parallelFor(s.batch * s.heads * blocks, 1, context, [&](Index task, Index) {
        const HeadRef head{task / blocks / s.heads, task / blocks % s.heads};
        const Index first = task % blocks * kQueries;
        const Index rows = std::min(kQueries, s.queries - first);
        std::vector<float> tile(static_cast<std::size_t>(kQueries * kKeys));
        for (Index col = 0; col < s.keys && !context.cancelled(); col += kKeys) {
            const Index cols = std::min(kKeys, s.keys - col);
            const MatrixView<float> cells{tile.data(), rows, cols, cols};
            fillKernel(heads[static_cast<std::size_t>(task / blocks)], in.effectiveScale(), first, col, cells);
            gemmNN(cells, in.vOf(head).rowRange(col, cols), out.matrix(head).rowRange(first, rows), 1.0F,
                   col > 0 ? Into::Add : Into::Overwrite);
        }
    });
    if (!done)
        return cancelledError();
    return out;
}

std::shared_ptr<const ScoreSource> makeGaussianSource(const Inputs& inputs, HeadRef head)
{
    return std::make_shared<GaussianSource>(inputs, head);
}

void gaussianBlock(MatrixView<const float> x, MatrixView<const float> y, float scale, MatrixView<float> out)
{
    const Tensor right = withHalfSquares(y);
    const Tensor squares = withHalfSquares(x);
    gemmNT(withMinusOne(x).matrix(), right.matrix(), out, scale);
    for (Index i = 0; i < x.rows; ++i)
        expRow(out.rowSpan(i), scale * squares.matrix()(i, x.cols));
}

DoubleMatrix gaussianCells(const DoubleMatrix& x, const DoubleMatrix& y, double scale)
{
    DoubleMatrix cells(x.rows, y.rows);
    for (Index i = 0; i < x.rows; ++i)
        for (Index j = 0; j < y.rows; ++j) {
            double square = 0.0;
            for (Index c = 0; c < x.cols; ++c)
                square += (x(i, c) - y(j, c)) * (x(i, c) - y(j, c));
            cells(i, j) = std::exp(-scale * square / 2.0);
        }
    return cells;
}

} // namespace attnscope
