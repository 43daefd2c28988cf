// SPDX-License-Identifier: GPL-3.0-or-later
// What to do when the card's memory ends or the card is lost: smaller parts, then the CPU, each with a notice.
#pragma once

#include "core/method/inputs.h"

#include <functional>

namespace attnscope {

/// Query heads of one batch entry that share whole key/value heads.
struct HeadSpan {
    Index batch = 0;
    Index kvFirst = 0;
    Index kvCount = 0;
};

/// The inputs of those heads alone: batch 1, with firstHead and layerHeads set.
Inputs headsOf(const Inputs& inputs, const HeadSpan& span);

struct Fallback {
    /// out [B, H, N, Dv] of a part whose first query head stands at `first` among all the inputs.
    using Card = std::function<Result<void>(const Inputs& part, HeadRef first, std::span<float> out)>;

    std::string device; ///< for notices: "cuda:0"
    Card card;
    std::function<Result<Tensor>()> cpu; ///< everything
};

/// All at once on the card; where its memory doesn't suffice one batch entry at a time, then fewer and fewer heads, then the CPU; where
/// the card fails, the CPU. Other errors (Cancelled, Unsupported) are handed back as they are.
Result<Tensor> runWithFallback(const Inputs& inputs, const Fallback& fallback);

} // namespace attnscope
