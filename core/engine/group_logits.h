// SPDX-License-Identifier: GPL-3.0-or-later
// What the output and the map of grouped attention share: logits of a group's cells, and each answer's norm and share.
#pragma once

#include "core/engine/grouped_softmax.h"

#include <span>
#include <vector>

namespace attnscope {

/// One query in one group. Its weights are exp(logit - max) * factor.
struct GroupAnswer {
    float max = 0.0F;
    float factor = 0.0F; ///< its share among the query's groups over its sum of exponentials; 0 where it sees nothing
};

/// The answers of all groups, in the groups' order, and where each query's answers are.
struct GroupAnswers {
    std::vector<GroupAnswer> answers;
    std::vector<std::size_t> groupStart; ///< [groups + 1] into answers
    std::vector<std::size_t> queryStart; ///< [queries + 1] into ofQuery
    std::vector<std::uint32_t> ofQuery;  ///< indices of answers
    std::vector<std::uint32_t> groupOfAnswer;
};

/// Queries of a group that are worked on at a time.
inline constexpr Index kGroupQueries = 64;

/// Rows of `x` at `indices`, [indices, x.cols], into `out`.
void gatherRows(MatrixView<const float> x, std::span<const std::int32_t> indices, MatrixView<float> out);

/// Logits of queries x keys of a group, masked ones minus infinity. Uses per-thread memory; out [queries, keys].
void groupLogits(const GroupedHead& head, std::span<const std::int32_t> queries, std::span<const std::int32_t> keys, MatrixView<float> out);

/// Where the answers are, all of them still empty.
GroupAnswers indexAnswers(const GroupedHead& head);

/// Given each answer's max and its sum of exponentials: the factors.
void shareAnswers(const GroupedHead& head, std::span<const double> sums, GroupAnswers& answers);

} // namespace attnscope
