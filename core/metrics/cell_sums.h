// SPDX-License-Identifier: GPL-3.0-or-later
// The sums over the cells of one row of two maps on which all row metrics rest, vectorised in float64.
#pragma once

#include "core/base/shape.h"

#include <span>

namespace attnscope {

/// a: the exact weights, b: the approximation's. Exact weights below the smallest normal float have underflowed: no mass.
struct CellSums {
    double gapSquares = 0.0;     ///< sum (a - b)²
    double exactSquares = 0.0;   ///< sum a²
    double gaps = 0.0;           ///< sum |a - b|
    double largestGap = 0.0;     ///< NaN where something is not a number
    double sum = 0.0;            ///< sum b
    double negative = 0.0;       ///< sum max(0, -b)
    double exactMass = 0.0;      ///< sum a where a has mass
    double exactLog = 0.0;       ///< sum a ln a there
    double positiveMass = 0.0;   ///< sum b where b > 0
    double positiveLog = 0.0;    ///< sum b ln b there
    double divergence = 0.0;     ///< sum a ln(a / b) where a has mass and b > 0
    Index negativeWhereMass = 0; ///< cells with mass where b < 0
    Index zeroWhereMass = 0;     ///< and where b = 0
};

CellSums sumCells(std::span<const float> exact, std::span<const float> approximate);

} // namespace attnscope
