// SPDX-License-Identifier: GPL-3.0-or-later
// The places of queries among keys: what every method with positions needs to know first.
#pragma once

#include "core/method/attention_method.h"

namespace attnscope {

/// checkRunnable, and that each query has a place among the keys: InvalidShape where there are more queries than keys.
Result<void> checkPlaces(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context);

/// The same for the map of one head.
Result<void> checkPlaces(const AttentionMethod& method, const Inputs& inputs, HeadRef head, const Params& params,
                         const RunContext& context);

} // namespace attnscope
