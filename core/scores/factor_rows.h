// SPDX-License-Identifier: GPL-3.0-or-later
// One factor of a low-rank map: its rows, kept or computed when they are asked for, and means of runs of them.
#pragma once

#include "core/base/tensor.h"

namespace attnscope {

/// Immutable and thread-safe. [count, rank]
class FactorRows {
public:
    /// A run whose mean may be kept has 2^kMeanLevel rows; the last one is shorter.
    static constexpr int kMeanLevel = 6;

    virtual ~FactorRows() = default;

    virtual Index count() const = 0;
    virtual Index rank() const = 0;

    /// The rows [first, first + rows): of what is kept, or computed into `scratch`, which must outlive the view.
    virtual MatrixView<const float> read(Index first, Index rows, Tensor& scratch) const = 0;

    /// Means of runs of 2^kMeanLevel rows, where they are kept; empty otherwise.
    virtual MatrixView<const float> means() const { return {}; }
};

/// Row r of the result is the mean of the rows [r 2^level, (r + 1) 2^level) of the factor, from `first` on.
Tensor meanRows(const FactorRows& factor, Index first, Index rows, int level);

} // namespace attnscope
