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

/// Keeps the features of all queries and keys, 4 (N + M) features bytes, twice that while it is made. Denominators are computed once,
/// in O(n). The result is a low-rank source, or, where causal rows differ too much in scale for one, a source that rescales as it reads.
Result<std::shared_ptr<const ScoreSource>> makeKernelSource(const Inputs& inputs, HeadRef head, const FeatureMap& map,
                                                            const RunContext& context, Provenance provenance = Provenance::Implied);

/// The same; where features would take more than kMostKeptBytes they are computed again when they are read, and only means of runs
/// of them are kept. OutOfMemory, where causal rows differ too much in scale for that and all features exceed the budget.
Result<std::shared_ptr<const ScoreSource>> makeKernelSource(const Inputs& inputs, HeadRef head, std::shared_ptr<const FeatureMap> map,
                                                            const RunContext& context, Provenance provenance = Provenance::Implied);

inline constexpr double kMostKeptBytes = 0x1p29;

/// Bytes that the second one needs: 8 (N + M) features, or of larger maps 12 N + (N + M) features / 16.
double kernelSourceBytes(Index queries, Index keys, Index features);

} // namespace attnscope
