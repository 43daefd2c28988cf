// SPDX-License-Identifier: GPL-3.0-or-later
// The outputs of recurrent mixers: chunk by chunk in O(n), or token by token as in decoding.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/engine/mixer_factors.h"
#include "core/method/inputs.h"

#include <functional>

namespace attnscope {

/// Factors of one query head.
using MixerFactorsOf = std::function<Result<MixerFactors>(HeadRef)>;

/// O [B, H, N, Dv] by chunks of kMixerChunk tokens (the UT transform for delta rules), over heads, or over the chunks of one head
/// where there are fewer heads than threads; the same values either way. Products are float32, the state is kept in float64.
/// Yang et al., Parallelizing Linear Transformers with the Delta Rule, NeurIPS 2024, arXiv:2406.06484, section 3. Cancelled.
Result<Tensor> runMixer(const Inputs& inputs, const MixerFactorsOf& factorsOf, const RunContext& context);

/// The same token by token, in float64. Cancelled.
Result<Tensor> runMixerTokens(const Inputs& inputs, const MixerFactorsOf& factorsOf, const RunContext& context);

} // namespace attnscope
