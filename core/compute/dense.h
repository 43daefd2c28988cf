// SPDX-License-Identifier: GPL-3.0-or-later
// The small vocabulary of dense float32 arithmetic that all CPU methods share: products of matrices, exponentials of rows.
#pragma once

#include "core/base/run_context.h"
#include "core/base/tensor.h"

#include <span>

namespace attnscope {

/// Whether a product overwrites C or is added to it.
enum class Into { Overwrite, Add };

// Products run on the calling thread, with the widest vectors that the processor has; sums are float32. Sizes are the
// caller's duty (asserted in debug builds); C must not overlap A or B.

/// C [m, n] = scale * A [m, k] B [n, k]ᵀ.
void gemmNT(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale = 1.0F, Into into = Into::Overwrite);

/// C [m, n] = scale * A [m, k] B [k, n].
void gemmNN(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale = 1.0F, Into into = Into::Overwrite);

/// C [m, n] = scale * A [k, m]ᵀ B [k, n].
void gemmTN(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale = 1.0F, Into into = Into::Overwrite);

/// gemmNT over all threads of the context; false when it was stopped, with part of C undone.
bool parallelGemmNT(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale, const RunContext& context);

/// The largest element; minus infinity for an empty row.
float rowMax(std::span<const float> x);

/// The sum, in float64.
double rowSum(std::span<const float> x);

/// x = exp(x - shift); returns the sum of the new values. Minus infinity gives 0.
double expRow(std::span<float> x, float shift);

/// log sum exp(x), by way of the maximum; minus infinity for an empty row. Leaves x as it is.
double logSumExp(std::span<const float> x);

/// log(exp(a) + exp(b)) of two log-sum-exps, either of which may be minus infinity.
double logAddExp(double a, double b);

/// x *= factor.
void scaleRow(std::span<float> x, float factor);

/// y += factor * x, of equal length.
void addScaledRow(std::span<float> y, float factor, std::span<const float> x);

/// Each row of s becomes its softmax; the first visible(i) = min(cols, firstVisible + i) columns count, the others get 0.
/// firstVisible = s.cols masks nothing.
void softmaxRows(MatrixView<float> s, Index firstVisible);

} // namespace attnscope
