// SPDX-License-Identifier: GPL-3.0-or-later
// A random sample of a map's rows, and what it says about the mean over all of them, with an interval.
#pragma once

#include "core/base/shape.h"

#include <cstdint>
#include <span>
#include <vector>

namespace attnscope {

/// Of 95 %.
struct Interval {
    double low = 0.0;
    double high = 0.0;
};

struct Estimate {
    double value = 0.0;
    Interval interval;
};

/// Two different rows, drawn at random, of each of `pairs` strata: runs of consecutive rows of nearly equal length. Means are estimated
/// without bias, and so are their variances; intervals are the estimate and 1.96 standard errors to each side, with the correction
/// for a finite population (Cochran, Sampling Techniques, 3rd ed. 1977, theorems 5.3 and 5.5). The same seed draws the same rows.
class RowSample {
public:
    /// `rows` is at least 2 `pairs`.
    RowSample(Index rows, Index pairs, std::uint64_t seed);

    /// Two of each stratum, stratum by stratum.
    std::span<const Index> rows() const { return m_rows; }

    /// Of the mean over all rows; y holds a value for each of rows().
    Estimate mean(std::span<const double> y) const;

    /// Of the sum of y over the sum of x, both over all rows: the ratio of two unbiased estimates, its variance linearised
    /// (Cochran, section 6.13). 0 where all y are 0.
    Estimate ratio(std::span<const double> y, std::span<const double> x) const;

private:
    double average(std::span<const double> y) const;
    double variance(std::span<const double> y) const; ///< of average()

    std::vector<Index> m_rows;
    std::vector<double> m_lengths; ///< of the strata
    double m_count;                ///< all rows
};

} // namespace attnscope
