// SPDX-License-Identifier: GPL-3.0-or-later
// Vectorised steps of kernel attention: column maxima, exponentials shifted by column, logarithms of feature maps.
#pragma once

#include "core/base/tensor.h"

#include <span>

namespace attnscope {

/// top_j = max(top_j, x_ij) over all rows.
void columnMax(MatrixView<const float> x, std::span<float> top);

/// out_j = exp(x_j - shift_j); out may be x.
void expMinus(std::span<const float> x, std::span<const float> shift, std::span<float> out);

/// out_j = exp(x_j + shift_j - top) with top = max_j (x_j + shift_j), which is returned; out may be x.
float expPlus(std::span<const float> x, std::span<const float> shift, std::span<float> out);

/// out = log(elu(x) + 1): x where x <= 0, log(1 + x) above.
void logEluPlusOne(std::span<const float> x, std::span<float> out);

/// x = log(max(x, 0) + floor).
void logReluPlus(std::span<float> x, float floor);

/// sine_j = sin(factor x_j), then x_j = cos(factor x_j).
void waves(std::span<float> x, float factor, std::span<float> sine);

/// Sum of x_j y_j.
float dot(std::span<const float> x, std::span<const float> y);

/// y = factor * y + x.
void rescaleAndAdd(std::span<double> y, double factor, std::span<const float> x);

/// out = a * x + b * y, rounded to float32.
void combineScaled(std::span<const double> x, double a, std::span<const double> y, double b, std::span<float> out);

} // namespace attnscope
