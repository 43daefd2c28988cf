// SPDX-License-Identifier: GPL-3.0-or-later
// Products of one head's exact softmax map A and of its transpose with thin blocks, without storing A: O(n² r) time.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"
#include "core/method/inputs.h"
#include "core/scores/score_source.h"

namespace attnscope {

/// A X [1, 1, N, r] of X [M, r], as attention with X for values; Cancelled.
Result<Tensor> exactTimes(const Inputs& inputs, HeadRef head, MatrixView<const float> x, const RunContext& context);

/// Mapᵀ Y [1, 1, M, r] of Y [N, r], a strip of keys at a time; Cancelled.
Result<Tensor> transposedTimes(const ScoreSource& map, MatrixView<const float> y, const RunContext& context);

} // namespace attnscope
