// SPDX-License-Identifier: GPL-3.0-or-later
// A feature map phi of kernel attention, where the weight of key j for query i is phi(q_i) . phi(k_j) / sum_l phi(q_i) . phi(k_l).
#pragma once

#include "core/base/tensor.h"

#include <span>

namespace attnscope {

enum class Side { Query, Key };

/// Features of some rows, scaled so that they can't overflow. Where the map is logarithmic (all features are positive):
/// phi_ir = exp(values_ir), and logScale is not used. Else phi_ir = values_ir exp(logScale_i) with values of order 1.
struct FeatureRows {
    MatrixView<float> values;  ///< [rows, features]
    std::span<float> logScale; ///< [rows]
    bool logarithmic = false;

    FeatureRows first(Index rows) const { return {values.rowRange(0, rows), logScale.first(static_cast<std::size_t>(rows)), logarithmic}; }
};

/// Immutable and thread-safe. A factor common to all features cancels, so maps leave it out.
class FeatureMap {
public:
    virtual ~FeatureMap() = default;

    virtual Index features() const = 0;
    virtual bool logarithmic() const = 0;

    /// Fills out.values and, where the map is not logarithmic, out.logScale from x [rows, dim].
    virtual void compute(Side side, MatrixView<const float> x, const FeatureRows& out) const = 0;

    /// The same, of rows that stand at `first` and after it among all queries or keys: for maps to which places matter.
    virtual void computeAt(Side side, Index first, MatrixView<const float> x, const FeatureRows& out) const
    {
        (void)first;
        compute(side, x, out);
    }

    /// phi itself, where all of it is plain (core/compute/plain_features.h): true. Else false, and `out` is void; so it is for maps that
    /// are not logarithmic.
    virtual bool computePlain(Side side, MatrixView<const float> x, MatrixView<float> out) const
    {
        return (void)side, (void)x, (void)out, false;
    }

    /// What a row is divided by, where its weights sum to sum exp(logScale), on that same scale: for published code that clamps
    /// sums or adds to them.
    virtual double divisor(double sum, double logScale) const { return (void)logScale, sum; }

    /// Whether `divisor` gives the sum itself.
    virtual bool dividesBySums() const { return true; }
};

} // namespace attnscope
