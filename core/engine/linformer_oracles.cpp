// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/linformer_oracles.h"

#include "core/engine/exact_products.h"
#include "core/engine/landmark.h"
#include "core/engine/support_softmax.h"

#include <Eigen/Core>
#include <Eigen/SVD>

#include <algorithm>

namespace attnscope {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kNegligible = 1e-12; // of the largest singular value: rounding in float64

/// An orthonormal basis of the columns of p.
Tensor basisOf(const DoubleMatrix& p)
{
    const Eigen::Map<const RowMajor> matrix(p.values.data(), p.rows, p.cols);
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(matrix, Eigen::ComputeThinU);
    const auto& sigma = svd.singularValues();
    const Index rank = std::count_if(sigma.begin(), sigma.end(), [&](double s) { return s > kNegligible * sigma(0); });
    Tensor u(1, 1, p.rows, rank);
    for (Index i = 0; i < p.rows; ++i)
        for (Index r = 0; r < rank; ++r)
            u.matrix()(i, r) = static_cast<float>(svd.matrixU()(i, r));
    return u;
}

} // namespace

Result<LowRankFactors> projectedSoftmax(const Inputs& in, HeadRef head, const SequenceProjection& projection, const RunContext& context)
{
    Tensor right = projection.valuesTransposed(head);
    auto left = exactTimes(in, head, right.matrix(), context);
    if (!left)
        return left.error();
    return LowRankFactors{*std::move(left), std::move(right), in.k.rows()};
}

DoubleMatrix pooledKeys(const Inputs& in, HeadRef head, const SequenceProjection& projection)
{
    const auto k = in.kOf(head);
    DoubleMatrix pooled(projection.rank(), k.cols);
    for (Index r = 0; r < pooled.rows; ++r)
        for (Index j = projection.blockStart(r); j < projection.blockStart(r + 1); ++j)
            std::transform(pooled.row(r), pooled.row(r) + k.cols, k.row(j), pooled.row(r),
                           [e = projection.e(head, r, j)](double sum, float x) { return sum + e * x; });
    return pooled;
}

Result<LowRankFactors> bestValues(const Inputs& in, HeadRef head, const SequenceProjection& projection, const RunContext& context)
{
    const auto q = in.qOf(head);
    DoubleMatrix queries(q.rows, q.cols);
    for (Index i = 0; i < q.rows; ++i)
        std::copy_n(q.row(i), q.cols, queries.row(i));
    Tensor left = basisOf(smallSoftmax(queries, pooledKeys(in, head, projection), in.effectiveScale()));
    if (context.cancelled())
        return cancelledError();
    const auto exact = makeSupportSource(in, head, fullSupport(q.rows, in.k.rows(), false), Provenance::Exact, context);
    if (!exact)
        return exact.error();
    auto right = transposedTimes(**exact, left.matrix(), context);
    if (!right)
        return right.error();
    return LowRankFactors{std::move(left), *std::move(right), in.k.rows()};
}

} // namespace attnscope
