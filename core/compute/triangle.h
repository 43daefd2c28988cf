// SPDX-License-Identifier: GPL-3.0-or-later
// Products with lower triangles, and linear systems of them: about half the work of whole squares.
#pragma once

#include "core/base/tensor.h"
#include "core/compute/dense.h"

#include <span>

namespace attnscope {

/// C [n, m] = scale * L B [n, m] of a lower triangle L [n, n], whose cells right of the diagonal must hold 0.
void lowerTimes(MatrixView<const float> lower, MatrixView<const float> b, MatrixView<float> c, float scale = 1.0F,
                Into into = Into::Overwrite);

/// C [n, n] = A [n, k] B [n, k]ᵀ at and left of the diagonal (left of it where `strict`), 0 elsewhere.
void lowerGemmNT(MatrixView<const float> a, MatrixView<const float> b, bool strict, MatrixView<float> c);

/// Rows that a system of a unit lower triangle is solved for at a time.
inline constexpr Index kSolveBlock = 16;

/// out [n, kSolveBlock] = the inverses of the blocks along the diagonal of I + sign L, L a strictly lower triangle [n, n], each
/// computed in float64: row r holds its block's row, in as many columns as the block has.
void invertDiagonal(MatrixView<const float> lower, double sign, MatrixView<float> out);

/// X [n, m] of (I + sign L) X = Y, block by block forward with the inverses of the blocks along the diagonal, which is stable where
/// a whole inverse need not be (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 8.1). Y is used up.
void solveUnitLower(MatrixView<const float> lower, double sign, MatrixView<const float> diagonal, MatrixView<float> y, MatrixView<float> x);

} // namespace attnscope
