// SPDX-License-Identifier: GPL-3.0-or-later
// What is shown of an AGF filter: the polynomial itself, and which frequencies over positions it lets through.
#pragma once

#include "core/engine/graph_filter.h"
#include "core/method/theory.h"

namespace attnscope {

/// g(x) for x from 0 to 1.
TheoryCurve filterCurve(const FilterPolynomials& polynomials, std::span<const double> theta);

/// For up to 64 frequencies the amplitude of softmax attention's output and of the filtered one, each [N, Dv], over that of v.
TheoryCurve responseCurve(MatrixView<const float> v, MatrixView<const float> exact, MatrixView<const float> filtered);

} // namespace attnscope
