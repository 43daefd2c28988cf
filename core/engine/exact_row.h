// SPDX-License-Identifier: GPL-3.0-or-later
// One query of causal kernel attention in float64 logarithms: slow, and right where float32 underflows.
#pragma once

#include "core/engine/kernel_state.h"

#include <vector>

namespace attnscope {

struct ExactRow {
    std::vector<double> numerator; ///< [valueDim]
    double denominator = 0.0;
    double logScale = 0.0; ///< the true values are these times exp(logScale)
};

/// Query `row` of `queries` over the keys of two states and the first `visible` rows of `keys` with values v.
ExactRow exactRow(const FeatureRows& queries, Index row, const KernelState& a, const KernelState& b, const FeatureRows& keys,
                  MatrixView<const float> v, Index visible);

} // namespace attnscope
