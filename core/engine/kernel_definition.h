// SPDX-License-Identifier: GPL-3.0-or-later
// The float64 definition that all kernel methods share: rows of phi(q_i) . phi(k_j), divided by their sums.
#pragma once

#include "core/method/defined_map.h"

#include <functional>
#include <span>
#include <vector>

namespace attnscope {

/// Features of one row: phi_r = values_r exp(log), so that no exponential overflows.
struct DefinedFeatures {
    std::vector<double> values;
    double log = 0.0;
};

/// Of positive features by their logarithms: the largest value becomes 1.
DefinedFeatures featuresFromLogs(std::vector<double> logs);

/// Features of every row of x, each row by `features`.
std::vector<DefinedFeatures> featuresOfRows(MatrixView<const float> x,
                                            const std::function<DefinedFeatures(std::span<const float>)>& features);

/// Each row over its visible keys; the condition is the largest sum of sizes over size of sum.
DefinedMap definedKernel(const Inputs& inputs, const std::vector<DefinedFeatures>& q, const std::vector<DefinedFeatures>& k);

} // namespace attnscope
