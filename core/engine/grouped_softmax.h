// SPDX-License-Identifier: GPL-3.0-or-later
// Sparse attention by groups: each group is some queries that attend to some keys; a query may be in several groups.
#pragma once

#include "core/base/result.h"
#include "core/method/attention_method.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace attnscope {

/// Rows of q and of k; keys ascend, and a key that stands there twice counts twice.
struct AttentionGroup {
    std::vector<std::int32_t> queries;
    std::vector<std::int32_t> keys;
};

/// What becomes of a query that several groups answer.
enum class GroupMerge {
    Mass, ///< each group counts by its sum of exponentials: Reformer's rounds
    Mean, ///< all that have an answer count alike: routing
};

/// One head's problem. q [N, D], k [M, D], v [M, Dv]; a query that no group answers gets zeros.
struct GroupedHead {
    MatrixView<const float> q;
    MatrixView<const float> k;
    MatrixView<const float> v;
    float scale = 1.0F;
    bool causal = false;
    Index offset = 0;      ///< query i stands at key i + offset; causal: it sees no later one
    bool selfLast = false; ///< a query's own key gets the logit -5e4: it counts only where there is nothing else
    GroupMerge merge = GroupMerge::Mass;
    std::vector<AttentionGroup> groups;
    std::shared_ptr<const void> owner; ///< of q, k, v
};

/// The problem of a head, made when that head's turn comes.
using GroupedHeads = std::function<GroupedHead(HeadRef)>;

/// O [B, H, N, Dv]; Cancelled.
Result<Tensor> runGrouped(const Inputs& inputs, const GroupedHeads& heads, const RunContext& context);

/// The map, O(queries in groups) memory: cells are computed when read, only where there are some. Cancelled.
Result<std::shared_ptr<const ScoreSource>> makeGroupedSource(GroupedHead head, const RunContext& context);

/// The map in float64 by plain loops over the groups.
DefinedMap definedGrouped(const GroupedHead& head);

/// Of all heads, where each has `pairs` query-key pairs in groups that hold `answers` queries in all.
Cost groupedCost(const Shape& shape, double pairs, double answers);

/// q, k, v of a head as they are, no groups yet.
GroupedHead groupedHead(const Inputs& inputs, HeadRef head);

} // namespace attnscope
