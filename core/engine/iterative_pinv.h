// SPDX-License-Identifier: GPL-3.0-or-later
// The pseudo-inverse of a small matrix by the third-order iteration that Nystromformer and Skyformer use, exactly, and by its spectrum.
#pragma once

#include "core/engine/double_matrix.h"

namespace attnscope {

/// max_j Σ_i |a_ij|
double largestColumnSum(const DoubleMatrix& a);

/// Z0 = Aᵀ / columnSum [cols, rows]; columnSum is at least largestColumnSum(a), where A's rows sum to 1 at most. Xiong et al.,
/// arXiv:2102.03902, section 3.2.
DoubleMatrix firstPinv(const DoubleMatrix& a, double columnSum);

/// Z/4 (13 I - A Z (15 I - A Z (7 I - A Z))). Razavi et al., A new iterative method for finding approximate inverses, 2014, eq. 11.
DoubleMatrix nextPinv(const DoubleMatrix& a, const DoubleMatrix& z);

/// `iterations` steps from Z0.
DoubleMatrix iteratedPinv(const DoubleMatrix& a, int iterations, double columnSum);

/// Singular values below size * 2^-23 of the largest count as 0: rounding of the float32 inputs.
DoubleMatrix exactPinv(const DoubleMatrix& a);

/// |A Z A - A|_F / |A|_F
double pinvResidual(const DoubleMatrix& a, const DoubleMatrix& z);

/// The same inverses from singular values sigma_i of A alone: the iteration changes none of A's singular vectors.
struct SpectralPinv {
    DoubleMatrix inverse;
    double condition = 1.0; ///< |A|₂ |Z|₂: how much Z magnifies errors of A; A's condition number once the iteration has converged
    double residual = 0.0;  ///< |A Z A - A|_F / |A|_F
};

/// After `iterations` steps; -1: the exact inverse.
SpectralPinv spectralPinv(const DoubleMatrix& a, int iterations, double columnSum);

} // namespace attnscope
