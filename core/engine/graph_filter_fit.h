// SPDX-License-Identifier: GPL-3.0-or-later
// The coefficients of an AGF filter that bring its map closest to softmax attention in the sum of squares.
#pragma once

#include "core/base/run_context.h"
#include "core/engine/graph_filter.h"

namespace attnscope {

/// argmin_theta |A - sum_k theta_k (U o T_k(Sigma)) V|_F [order + 1], by (K + 1)² normal equations in float64 and one call of exact
/// attention with the softmaxed keys for values. Cancelled.
Result<std::vector<double>> fitCoefficients(const Inputs& inputs, HeadRef head, const FilterPolynomials& polynomials,
                                            const FilterEntries& entries, const RunContext& context);

/// The solution of the smallest size of gram [n, n] theta = rhs, with directions below 1e-10 of the strongest left out.
std::vector<double> solveNormalEquations(const std::vector<double>& gram, const std::vector<double>& rhs);

} // namespace attnscope
