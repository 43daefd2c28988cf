// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/iterative_pinv.h"

#include <Eigen/Core>
#include <Eigen/SVD>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Map<const RowMajor> view(const DoubleMatrix& m) { return {m.values.data(), m.rows, m.cols}; }

DoubleMatrix stored(const RowMajor& m)
{
    DoubleMatrix s(m.rows(), m.cols());
    std::copy_n(m.data(), m.size(), s.values.data());
    return s;
}

double negligible(const Eigen::VectorXd& sigma) { return static_cast<double>(sigma.size()) * 0x1p-23 * sigma(0); }

/// What becomes of 1 / sigma for one singular value.
double inverseOf(double sigma, int iterations, double columnSum)
{
    double z = sigma / columnSum;
    for (int i = 0; i < iterations; ++i) {
        const double t = sigma * z;
        z *= (13.0 - t * (15.0 - t * (7.0 - t))) / 4.0;
    }
    return z;
}

} // namespace

double largestColumnSum(const DoubleMatrix& a) { return view(a).cwiseAbs().colwise().sum().maxCoeff(); }

DoubleMatrix firstPinv(const DoubleMatrix& a, double columnSum) { return stored(view(a).transpose() / columnSum); }

DoubleMatrix nextPinv(const DoubleMatrix& a, const DoubleMatrix& z)
{
    const RowMajor az = view(a) * view(z);
    const RowMajor identity = RowMajor::Identity(az.rows(), az.cols());
    RowMajor inner = 7.0 * identity - az;
    inner = 15.0 * identity - az * inner;
    inner = 13.0 * identity - az * inner;
    return stored(0.25 * view(z) * inner);
}

DoubleMatrix iteratedPinv(const DoubleMatrix& a, int iterations, double columnSum)
{
    DoubleMatrix z = firstPinv(a, columnSum);
    for (int i = 0; i < iterations; ++i)
        z = nextPinv(a, z);
    return z;
}

DoubleMatrix exactPinv(const DoubleMatrix& a)
{
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(view(a), Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Eigen::VectorXd& sigma = svd.singularValues();
    const Eigen::VectorXd inverse = (sigma.array() > negligible(sigma)).select(sigma.cwiseInverse(), 0.0);
    return stored(svd.matrixV() * inverse.asDiagonal() * svd.matrixU().transpose());
}

double pinvResidual(const DoubleMatrix& a, const DoubleMatrix& z)
{
    const RowMajor left = view(a) * view(z);
    return (left * view(a) - view(a)).norm() / view(a).norm();
}

SpectralPinv spectralPinv(const DoubleMatrix& a, int iterations, double columnSum)
{
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(view(a), Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Eigen::VectorXd& sigma = svd.singularValues();
    Eigen::VectorXd inverse(sigma.size());
    double missed = 0.0;
    for (Index i = 0; i < sigma.size(); ++i) {
        if (iterations < 0)
            inverse(i) = sigma(i) > negligible(sigma) ? 1.0 / sigma(i) : 0.0;
        else
            inverse(i) = inverseOf(sigma(i), iterations, columnSum);
        missed += std::pow(sigma(i) * (1.0 - sigma(i) * inverse(i)), 2);
    }
    SpectralPinv result;
    result.inverse = stored(svd.matrixV() * inverse.asDiagonal() * svd.matrixU().transpose());
    result.condition = std::max(1.0, sigma(0) * inverse.cwiseAbs().maxCoeff());
    result.residual = std::sqrt(missed) / sigma.norm();
    return result;
}

} // namespace attnscope
