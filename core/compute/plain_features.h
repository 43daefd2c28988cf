// SPDX-License-Identifier: GPL-3.0-or-later
// Features of kernel attention themselves, not their logarithms: one pass over rows that are neither huge nor tiny.
#pragma once

#include "core/base/tensor.h"

#include <span>

namespace attnscope {

/// Features in [e^-30, e^30] are plain: sums of their products need no shift. The functions that make features return whether all are;
/// where false comes back, the output is void.
inline constexpr float kPlainLog = 30.0F;

/// out = elu(x) + 1.
bool plainEluPlusOne(MatrixView<const float> x, MatrixView<float> out);

/// x_ij = exp(x_ij - shift_i).
bool plainExp(MatrixView<float> x, std::span<const float> shift);

/// out = exp(scale x).
bool plainScaledExp(MatrixView<const float> x, float scale, MatrixView<float> out);

/// out_i = softmax of scale x_i.
bool plainSoftmax(MatrixView<const float> x, float scale, MatrixView<float> out);

/// out_i = exp(scale x_i - its maximum), of whatever size, and inverse_i = 1 / sum out_i; out may be x.
void softmaxInto(MatrixView<const float> x, float scale, MatrixView<float> out, std::span<float> inverse);

/// out_i = factor sum_j x_ij^2.
void rowSquares(MatrixView<const float> x, float factor, std::span<float> out);

/// out_j = sum_i x_ij.
void columnSums(MatrixView<const float> x, std::span<float> out);

/// sums_j += sum_i x_ij, in float64.
void addColumns(MatrixView<const float> x, std::span<double> sums);

/// out_i = sum_j x_ij w_j.
void timesVector(MatrixView<const float> x, std::span<const float> w, std::span<double> out);

/// out_i = factor_i x_i.
void scaleRowsInto(MatrixView<const float> x, std::span<const float> factor, MatrixView<float> out);

/// y += x.
void addTo(std::span<double> y, std::span<const float> x);

/// out = a + b, rounded to float32.
void sumToFloat(std::span<const double> a, std::span<const double> b, std::span<float> out);

} // namespace attnscope
