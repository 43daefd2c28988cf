// SPDX-License-Identifier: GPL-3.0-or-later
// The implied map of a recurrent mixer for one head, by sweeping the adjoints of queries back over chunks of tokens.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/engine/mixer_factors.h"
#include "core/scores/score_source.h"

#include <memory>

namespace attnscope {

/// Keeps 2 to 4 (N + M) K floats. Without erasure a tile costs what its cells cost, wherever it lies; with it, a sweep from its rows
/// back to its columns, or to where an earlier read left off. Pooled reads sweep once per block of rows. `owner` keeps alive what the
/// factors borrow. Cancelled.
Result<std::shared_ptr<const ScoreSource>> makeMixerSource(MixerFactors factors, std::shared_ptr<const void> owner,
                                                           const RunContext& context);

} // namespace attnscope
