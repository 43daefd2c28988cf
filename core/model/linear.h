// SPDX-License-Identifier: GPL-3.0-or-later
// y = x Wᵀ + b over all threads, with weights converted block by block.
#pragma once

#include "core/base/run_context.h"
#include "core/base/tensor.h"
#include "core/compute/dense.h"
#include "core/model/weights.h"

#include <vector>

namespace attnscope {

struct Linear {
    WeightMatrix weight;     ///< [out, in]
    std::vector<float> bias; ///< [out], or empty
};

/// y [n, out] = (or +=) x [n, in] Wᵀ + b; false when the context was stopped, with part of y undone.
bool applyLinear(const Linear& linear, MatrixView<const float> x, MatrixView<float> y, Into into, const RunContext& context);

} // namespace attnscope
