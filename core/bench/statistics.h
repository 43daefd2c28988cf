// SPDX-License-Identifier: GPL-3.0-or-later
// Order statistics of repeated timings: what a noisy machine says reliably.
#pragma once

#include <vector>

namespace attnscope {

struct Quartiles {
    double q1 = 0.0;
    double median = 0.0;
    double q3 = 0.0;
};

/// Linear interpolation between order statistics (Hyndman and Fan 1996, type 7, as NumPy's default); zeros where empty.
Quartiles quartiles(std::vector<double> values);

/// quartiles(values).median.
double median(std::vector<double> values);

} // namespace attnscope
