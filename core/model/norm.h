// SPDX-License-Identifier: GPL-3.0-or-later
// Layer normalisation and RMS normalisation of rows; sums in float64.
#pragma once

#include "core/base/tensor.h"

#include <span>
#include <vector>

namespace attnscope {

/// RMS norm where there is no bias and `centred` is false (Zhang and Sennrich 2019, arXiv 1910.07467); else layer norm
/// (Ba et al. 2016, arXiv 1607.06450).
struct Norm {
    std::vector<float> weight;
    std::vector<float> bias; ///< empty for RMS norm
    float epsilon = 1e-5F;
    bool centred = false;

    /// out = norm(x), both as wide as `weight`; out may be x.
    void apply(std::span<const float> x, std::span<float> out) const;
};

} // namespace attnscope
