// SPDX-License-Identifier: GPL-3.0-or-later
// The definitions of Linformer and of the truncated singular value decomposition.
#include "core/engine/sequence_projection.h"
#include "core/metrics/definitions.h"

#include <Eigen/Core>
#include <Eigen/SVD>

#include <algorithm>
#include <cmath>

namespace attnscope::definitions {

/// Wang et al. 2020, eq. 7: softmax(scale Q (E K)^T) F, with E and F written out.
Result<DefinedMap> linformer(const Inputs& in, HeadRef head, const Params& params)
{
    const auto projection = SequenceProjection::make(in, params, {});
    if (!projection)
        return projection.error();
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const Index rank = projection->rank();
    Eigen::MatrixXd e(rank, k.rows);
    Eigen::MatrixXd f(rank, k.rows);
    for (Index r = 0; r < rank; ++r)
        for (Index j = 0; j < k.rows; ++j) {
            e(r, j) = static_cast<double>(projection->e(head, r, j));
            f(r, j) = static_cast<double>(projection->f(head, r, j));
        }
    DefinedMap map(q.rows, k.rows);
    for (Index i = 0; i < q.rows; ++i) {
        Eigen::VectorXd dots(k.rows);
        for (Index j = 0; j < k.rows; ++j)
            dots(j) = logit(in, head, i, j);
        Eigen::VectorXd p = e * dots;
        p = (p.array() - p.maxCoeff()).exp();
        p /= p.sum();
        const Eigen::RowVectorXd row = p.transpose() * f;
        for (Index j = 0; j < k.rows; ++j)
            map.at(i, j) = row(j);
    }
    return map;
}

/// Eckart and Young 1936: the first `rank` singular triplets of the exact map.
Result<DefinedMap> truncatedSvd(const Inputs& in, HeadRef head, const Params& params)
{
    DefinedMap map = softmaxOver(in, head, [](Index, Index) { return true; });
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Eigen::Map<RowMajor> cells(map.cells.data(), map.rows, map.cols);
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(cells, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Eigen::VectorXd& sigma = svd.singularValues();
    const Index rank = std::min<Index>(params.integer("rank"), sigma.size());
    cells = svd.matrixU().leftCols(rank) * sigma.head(rank).asDiagonal() * svd.matrixV().leftCols(rank).transpose();
    // Where the last value kept hardly differs from the first one dropped, so do their vectors under rounding.
    if (rank < sigma.size())
        map.condition = sigma(0) / std::max(sigma(rank - 1) - sigma(rank), 1e-300);
    return map;
}

} // namespace attnscope::definitions
