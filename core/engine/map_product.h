// SPDX-License-Identifier: GPL-3.0-or-later
// A method's output by its implied map, strip by strip: the "matrix" form of methods that need no map to run.
#pragma once

#include "core/method/attention_method.h"

namespace attnscope {

/// O [B, H, N, Dv] = scores() V of each head: O(N M) time, 64 rows at a time. The errors of scores(); Cancelled.
Result<Tensor> runByMap(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context);

} // namespace attnscope
