// SPDX-License-Identifier: GPL-3.0-or-later
// Attention of clusters of queries: each cluster's centre attends for its members, whose largest weights may be worked out anew.
#pragma once

#include "core/base/result.h"
#include "core/engine/query_clusters.h"
#include "core/method/inputs.h"
#include "core/method/theory.h"
#include "core/scores/low_rank_source.h"

#include <memory>
#include <vector>

namespace attnscope {

/// out [N, Dv]: row i is softmax(scale centre(i) Kᵀ) V, for clusters found already; false when stopped.
bool attendClustered(const Inputs& inputs, HeadRef head, const QueryClusters& groups, MatrixView<float> out, const RunContext& context);

/// The same with the `top` largest keys of each centre worked out for each member, their weights adding up to the centre's. Causal:
/// these keys alone, as far as a member sees them; a member that sees none gets 0.
bool attendImproved(const Inputs& inputs, HeadRef head, const QueryClusters& groups, Index top, MatrixView<float> out,
                    const RunContext& context);

/// O [B, H, N, Dv]: row i is softmax(scale centre(i) Kᵀ) V; Cancelled.
Result<Tensor> runClustered(const Inputs& inputs, const ClusterOptions& options, const RunContext& context);

/// L: ones at each query's cluster; R: the centres' rows; Cancelled.
Result<LowRankFactors> clusteredFactors(const Inputs& inputs, HeadRef head, const ClusterOptions& options, const RunContext& context);

/// The same with the `top` largest keys of each centre worked out for each member, their weights adding up to the centre's; Cancelled.
Result<Tensor> runImprovedClustered(const Inputs& inputs, const ClusterOptions& options, Index top, const RunContext& context);

/// Its map: O(N + clusters (top + D)) memory; Cancelled.
Result<std::shared_ptr<const ScoreSource>> makeImprovedClusteredSource(const Inputs& inputs, HeadRef head, const ClusterOptions& options,
                                                                       Index top, const RunContext& context);

/// The keys with the `count` largest scale c . k_j, in order of place, each logit in float64 and ties going to the earlier key:
/// what rounding in float32 could confuse is settled. logits [k.rows] are the same in float32.
std::vector<Index> largestKeys(MatrixView<const float> centre, MatrixView<const float> k, std::span<const float> logits, Index count);

/// Proposition 1 of Vyas et al.: scale |q_i - centre(i)|₂ |K|₂ bounds each row's error, for up to 200 queries. Cancelled.
Result<std::vector<TheoryCurve>> clusteredTheory(const Inputs& inputs, HeadRef head, const ClusterOptions& options,
                                                 const RunContext& context);

} // namespace attnscope
