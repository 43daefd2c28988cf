// SPDX-License-Identifier: GPL-3.0-or-later
// How far an approximation's map is from the exact one, for every head: what the layer x head grid can be ordered by.
#pragma once

#include "core/inputs/document.h"
#include "core/method/attention_method.h"

#include <functional>

namespace attnscope {

using UseHeadError = std::function<void(int layer, int head, double error)>;

/// Calls use(layer, head, error) for each head of each layer of one batch entry and returns how many: |A - Â|_F / |A|_F over up to
/// kHeadStatsRows rows of the first kHeadMapLength positions, under the mask that the method has a form for. Errors of the method,
/// Cancelled.
Result<int> forEachHeadError(const Document& document, Index batch, bool causal, const AttentionMethod& method, const Params& params,
                             const RunContext& context, const UseHeadError& use);

} // namespace attnscope
