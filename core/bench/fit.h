// SPDX-License-Identifier: GPL-3.0-or-later
// What a latency curve says: the exponent it grows with, and where two curves cross.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace attnscope {

/// One measured length. Times in any one unit, positive; q1 and q3 may equal the median where there was one run.
struct CurvePoint {
    double n = 0.0;
    double median = 0.0;
    double q1 = 0.0;
    double q3 = 0.0;
};

/// time ~ factor * n^exponent for from <= n <= to.
struct PowerFit {
    double exponent = 0.0;
    double low = 0.0; ///< 95 % interval of the exponent, from Student's t of the residuals
    double high = 0.0;
    double factor = 0.0;
    double from = 0.0;
    double to = 0.0;
    int points = 0;
};

/// Least squares of log(median) on log(n) over the upper part of the curve: the four longest lengths, and each next
/// shorter one while its local slope differs by at most 0.15 from the slope of those already taken: below that, constant
/// overheads flatten the curve. None from fewer than three points. `curve` sorted by n.
std::optional<PowerFit> fitExponent(std::span<const CurvePoint> curve);

/// Where the curves cross; `low` to `high` are the lengths between which their quartile bars overlap.
struct Crossover {
    double n = 0.0;
    double low = 0.0;
    double high = 0.0;
};

/// The last length at which a and b take equal time, on straight lines in log-log between (and, where four of them agree,
/// fitted to) the lengths that both have. None where the quartile bars of a and b don't part on both sides of it: curves
/// that touch or run along each other don't cross. Both sorted by n.
std::optional<Crossover> crossover(std::span<const CurvePoint> a, std::span<const CurvePoint> b);

} // namespace attnscope
