// SPDX-License-Identifier: GPL-3.0-or-later
// Launches what happens among landmarks on the current device, in float64: their softmax or Gaussian kernel, its inverse, and its use.
#pragma once

#include "core/base/shape.h"

#include <cuda_runtime_api.h>

#include <cstddef>

namespace attnscope::kernels {

/// Matrices of `size` x `size` of each of `heads` heads, one after the other.
struct SquareMatrices {
    Index heads = 0;
    Index size = 0;
};

/// a = softmax(scale q kᵀ) with q [heads, size, dim] and k [heads / group, size, dim].
cudaError_t launchMiddleSoftmax(const double* q, const double* k, double* a, SquareMatrices m, Index group, Index dim, double scale,
                                cudaStream_t stream);

/// a = R (Σ kernel(S_r, S_s) + ridge I) R over all pairs of rounds, R = root = (row sums)^-1/2 [heads, size]; sampled [heads, rounds,
/// size, dim]; kernel exp(-scale |x - y|² / 2).
cudaError_t launchMiddleGaussian(const float* sampled, double* a, double* root, SquareMatrices m, Index rounds, Index dim, double scale,
                                 double ridge, cudaStream_t stream);

/// sums [heads]: the largest column sum of |a|.
cudaError_t launchColumnSums(const double* a, double* sums, SquareMatrices m, cudaStream_t stream);

/// z = aᵀ / (largest column sum of |a|, of the head or where `shared` of all heads); sums [heads] is scratch.
cudaError_t launchFirstInverse(const double* a, double* z, double* sums, SquareMatrices m, bool shared, cudaStream_t stream);

/// Matrices of at most that size are inverted by one launch where a block may have launchSmallInverse's shared memory.
inline constexpr Index kSmallInverse = 64;
std::size_t smallInverseBytes();

/// z after `iterations` steps Z/4 (13 I - A Z (15 I - A Z (7 I - A Z))) from launchFirstInverse()'s z.
cudaError_t launchSmallInverse(const double* a, double* z, double* sums, SquareMatrices m, int iterations, bool shared,
                               cudaStream_t stream);

/// to = diagonal I + factor left R with R = right, or shift I - right where `isShifted`.
struct SquareProduct {
    const double* left = nullptr;
    const double* right = nullptr;
    double* to = nullptr;
    double diagonal = 0.0;
    double factor = 1.0;
    double shift = 0.0;
    bool isShifted = false;
};
cudaError_t launchSquareProduct(const SquareProduct& product, SquareMatrices m, cudaStream_t stream);

/// Before the first sweep: g = aᵀ, v = I.
cudaError_t launchJacobiStart(const double* a, double* g, double* v, SquareMatrices m, cudaStream_t stream);

/// One sweep of one-sided Jacobi rotations: the rows of g become orthogonal, and those of v the right singular vectors. turned[head] counts
/// the sweep's rotations; a sweep after one that did none (before[head] = 0) does nothing. `before` is null at the first one.
cudaError_t launchJacobiSweep(double* g, double* v, const int* before, int* turned, SquareMatrices m, cudaStream_t stream);

/// After the last one: g's rows over their squared lengths, zeros where the length is at most size 2^-23 of the longest; vt = vᵀ.
/// The pseudo-inverse is then vt g.
cudaError_t launchJacobiEnd(double* g, const double* v, double* vt, SquareMatrices m, cudaStream_t stream);

/// to [heads, rounds, size, width] = R z R Σ_rounds x in each round, x [heads, rounds, size, width]; R = I where root is null.
cudaError_t launchApplyInverse(const double* z, const double* root, const float* x, float* to, SquareMatrices m, Index rounds, Index width,
                               cudaStream_t stream);

} // namespace attnscope::kernels
