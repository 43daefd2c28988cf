// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/spectral_norm.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

namespace attnscope {

double spectralNorm(MatrixView<const float> x)
{
    using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const Rows, 0, Eigen::OuterStride<>> rows(x.data, x.rows, x.cols, Eigen::OuterStride<>(x.stride));
    const Eigen::MatrixXd exact = rows.cast<double>();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(exact.transpose() * exact, Eigen::EigenvaluesOnly);
    return std::sqrt(std::max(0.0, solver.eigenvalues().maxCoeff()));
}

} // namespace attnscope
