// SPDX-License-Identifier: GPL-3.0-or-later
// The largest singular value of a tall matrix.
#pragma once

#include "core/base/tensor.h"

namespace attnscope {

/// |x|₂ of [rows, cols], by way of xᵀx in float64: O(rows cols²).
double spectralNorm(MatrixView<const float> x);

} // namespace attnscope
