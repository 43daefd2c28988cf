// SPDX-License-Identifier: GPL-3.0-or-later
// The exact softmax map of one head as a ScoreSource: from row log-sum-exps (fast), or row by row in float64 (reference).
#pragma once

#include "core/method/inputs.h"
#include "core/scores/score_source.h"

#include <memory>
#include <span>
#include <vector>

namespace attnscope {

/// One row of softmax(scale q_i . k_j) in float64 over the keys that the mask shows; the others get 0. p [keys].
void softmaxRow(const Inputs& inputs, HeadRef head, Index query, std::span<double> p);

/// Keys that `query` sees where there is no window: all, or the causal prefix aligned to the bottom right.
Index visibleKeys(const Inputs& inputs, Index query);

/// Each row evaluated in float64 whenever it is read: O(keys d) a row, for checks and small maps.
std::shared_ptr<const ScoreSource> makeReferenceSource(const Inputs& inputs, HeadRef head);

} // namespace attnscope
