// SPDX-License-Identifier: GPL-3.0-or-later
// The implied map of kernel attention for one head: phi(q_i) . phi(k_j) over the denominator of row i.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/engine/feature_map.h"
#include "core/method/inputs.h"
#include "core/scores/score_source.h"

#include <memory>

namespace attnscope {

/// Keeps the features of all queries and keys, 4 (N + M) features bytes. Denominators are computed once, in O(n). The
/// result is a low-rank source, or, where causal rows differ too much in scale for one, a source that rescales as it reads.
Result<std::shared_ptr<const ScoreSource>> makeKernelSource(const Inputs& inputs, HeadRef head, const FeatureMap& map,
                                                            const RunContext& context, Provenance provenance = Provenance::Implied);

} // namespace attnscope
