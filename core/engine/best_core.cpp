// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/best_core.h"

#include "core/engine/support_softmax.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <utility>

namespace attnscope {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

TensorView<const float> oneHead(MatrixView<const float> m) { return {m.data, {1, 1, m.rows, m.cols}, {0, 0, m.stride}}; }

RowMajor toDouble(MatrixView<const float> m)
{
    RowMajor d(m.rows, m.cols);
    for (Index i = 0; i < m.rows; ++i)
        std::copy_n(m.row(i), m.cols, d.row(i).data());
    return d;
}

Tensor toTensor(const RowMajor& m)
{
    Tensor t(1, 1, m.rows(), m.cols());
    std::transform(m.data(), m.data() + m.size(), t.data(), [](double x) { return static_cast<float>(x); });
    return t;
}

/// Orthonormal columns that span those of x.
RowMajor orthonormalBasis(MatrixView<const float> x)
{
    RowMajor scaled = toDouble(x);
    for (Index c = 0; c < scaled.cols(); ++c)
        if (const double length = scaled.col(c).norm(); length > 0.0)
            scaled.col(c) /= length;
    const Eigen::MatrixXd gram = scaled.transpose() * scaled;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
    const Eigen::VectorXd& values = solver.eigenvalues();
    const double least = kLeastDirection * kLeastDirection * values(values.size() - 1);
    const Index kept = std::min<Index>((values.array() > least).count(), x.rows);
    return scaled * solver.eigenvectors().rightCols(kept) * values.tail(kept).cwiseSqrt().cwiseInverse().asDiagonal();
}

} // namespace

Result<LowRankFactors> bestCore(const Inputs& in, HeadRef head, const LowRankFactors& factors, const RunContext& context)
{
    const RowMajor left = orthonormalBasis(factors.left.matrix());
    Tensor right = toTensor(orthonormalBasis(factors.right.matrix()));
    if (context.cancelled())
        return cancelledError();
    const Inputs one{oneHead(in.qOf(head)), oneHead(in.kOf(head)), std::as_const(right).view(), false, in.effectiveScale(), nullptr};
    const auto attended = runSupportSoftmax(one, fullSupport(in.q.rows(), in.k.rows(), false), context);
    if (!attended)
        return attended.error();
    const RowMajor core = left.transpose() * toDouble(attended->matrix());
    return LowRankFactors{toTensor(left * core), std::move(right), in.k.rows()};
}

double bestCoreBytes(const Shape& s, Index rank)
{
    const auto width = static_cast<double>(rank);
    return 24.0 * static_cast<double>(s.queries + s.keys) * width + 40.0 * width * width;
}

double bestCoreFlops(const Shape& s, Index rank)
{
    const auto width = static_cast<double>(rank);
    Shape one = s;
    one.batch = one.heads = 1;
    one.valueDim = rank;
    return streamingCost(one, fullPairs(one, false)).flops + 8.0 * static_cast<double>(s.queries + s.keys) * width * width +
           18.0 * width * width * width;
}

} // namespace attnscope
