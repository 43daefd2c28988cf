// SPDX-License-Identifier: GPL-3.0-or-later
// The keys that sliding-window attention with global tokens sees: one description for every backend.
#pragma once

#include "core/compute/streaming_softmax.h"
#include "core/method/inputs.h"
#include "core/method/params.h"

namespace attnscope {

/// From the parameters `window` and `globals`. Queries are aligned to the last keys, as in the causal form; what the input's own window
/// hides stays hidden.
KeySupport windowSupport(const KeyMask& mask, const Params& params);

} // namespace attnscope
