// SPDX-License-Identifier: GPL-3.0-or-later
// Vectorised steps of recurrent mixers: sums and powers of log decays, triangular inverses, states in float64.
#pragma once

#include "core/base/tensor.h"

#include <span>

namespace attnscope {

/// after_c = before_c + max(least, g_c).
void addLogs(std::span<const double> before, std::span<const float> g, double least, std::span<double> after);

/// out_i = exp(sign logs_i).
void powersOf(std::span<const double> logs, double sign, std::span<float> out);

/// out_ij = x_ij y_ij; out may be x.
void multiplyInto(MatrixView<const float> x, MatrixView<const float> y, MatrixView<float> out);

/// y -= x.
void subtractFrom(MatrixView<const float> x, MatrixView<float> y);

/// Doubles that a row of invertUnitLower's work takes.
inline Index inverseStride(Index n) { return (n + 31) / 32 * 32; }

/// out = (I + sign lower)^-1 of a strictly lower triangle [n, n], in float64; `work` has room for n rows of inverseStride(n).
void invertUnitLower(MatrixView<const float> lower, double sign, std::span<double> work, MatrixView<float> out);

/// out_i = sum_j x_ij^2.
void rowSquares64(MatrixView<const float> x, std::span<double> out);

/// out_i = sum_c x_ic y_ic u_ic, summed in float64; u has as many columns, or one for all, and its stride may be 0.
void weightedRowDots(MatrixView<const float> x, MatrixView<const float> y, MatrixView<const float> u, std::span<float> out);

/// The rows of x over their Euclidean lengths, which are summed in float64; rows of zeros stay.
void unitRowsInto(MatrixView<const float> x, MatrixView<float> out);

/// sums = decay sums + share added; rounded gets the new sums.
void advanceSums(std::span<double> sums, double decay, std::span<const float> added, std::span<float> rounded, double share = 1.0);

/// The same; `through` holds what is added and gets the old sums.
void advanceThrough(std::span<double> sums, double decay, std::span<float> through, double share = 1.0);

} // namespace attnscope
