// SPDX-License-Identifier: GPL-3.0-or-later
// Products of a few rows with many weights, as in decoding: the weights are read once, in order, at the memory's pace.
#pragma once

#include "core/compute/dense.h"

namespace attnscope {

/// Rows up to which the weights' way from memory takes longer than their products.
inline constexpr Index kFewRows = 8;

/// gemmNT of at most kFewRows rows of A, without packing B. Sums are float32, in an order of their own: blocked by vectors.
void fewRowsNT(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float scale = 1.0F, Into into = Into::Overwrite);

} // namespace attnscope
