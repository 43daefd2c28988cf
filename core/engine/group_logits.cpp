// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/group_logits.h"

#include "core/compute/dense.h"
#include "core/compute/scratch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

namespace {

constexpr float kSelfLogit = -5e4F; // of the published code

} // namespace

void gatherRows(MatrixView<const float> x, std::span<const std::int32_t> indices, MatrixView<float> out)
{
    for (std::size_t i = 0; i < indices.size(); ++i)
        std::copy_n(x.row(indices[i]), x.cols, out.row(static_cast<Index>(i)));
}

void groupLogits(const GroupedHead& head, std::span<const std::int32_t> queries, std::span<const std::int32_t> keys, MatrixView<float> out)
{
    thread_local Scratch scratch;
    const auto rows = static_cast<Index>(queries.size());
    const auto cols = static_cast<Index>(keys.size());
    const Index dim = head.q.cols;
    float* const memory = scratch.floats((rows + cols) * dim);
    const MatrixView<float> q{memory, rows, dim, dim};
    const MatrixView<float> k{memory + rows * dim, cols, dim, dim};
    gatherRows(head.q, queries, q);
    gatherRows(head.k, keys, k);
    gemmNT(q, k, out, head.scale);
    for (Index i = 0; i < rows; ++i) {
        const Index place = queries[static_cast<std::size_t>(i)] + head.offset;
        if (head.causal) {
            const auto later = std::upper_bound(keys.begin(), keys.end(), place);
            std::fill(out.row(i) + (later - keys.begin()), out.row(i) + cols, -std::numeric_limits<float>::infinity());
        }
        if (head.selfLast) {
            const auto [first, last] = std::equal_range(keys.begin(), keys.end(), place);
            std::fill(out.row(i) + (first - keys.begin()), out.row(i) + (last - keys.begin()), kSelfLogit);
        }
    }
}

GroupAnswers indexAnswers(const GroupedHead& head)
{
    GroupAnswers all;
    all.groupStart.push_back(0);
    all.queryStart.assign(static_cast<std::size_t>(head.q.rows) + 1, 0);
    for (const AttentionGroup& group : head.groups) {
        all.groupStart.push_back(all.groupStart.back() + group.queries.size());
        for (const auto query : group.queries)
            ++all.queryStart[static_cast<std::size_t>(query) + 1];
    }
    for (std::size_t i = 1; i < all.queryStart.size(); ++i)
        all.queryStart[i] += all.queryStart[i - 1];
    all.answers.resize(all.groupStart.back());
    all.ofQuery.resize(all.groupStart.back());
    all.groupOfAnswer.resize(all.groupStart.back());
    auto next = all.queryStart;
    for (std::size_t g = 0; g < head.groups.size(); ++g)
        for (std::size_t i = 0; i < head.groups[g].queries.size(); ++i) {
            const std::size_t answer = all.groupStart[g] + i;
            all.groupOfAnswer[answer] = static_cast<std::uint32_t>(g);
            all.ofQuery[next[static_cast<std::size_t>(head.groups[g].queries[i])]++] = static_cast<std::uint32_t>(answer);
        }
    return all;
}

void shareAnswers(const GroupedHead& head, std::span<const double> sums, GroupAnswers& all)
{
    for (std::size_t query = 0; query + 1 < all.queryStart.size(); ++query) {
        const auto answers = std::span(all.ofQuery).subspan(all.queryStart[query], all.queryStart[query + 1] - all.queryStart[query]);
        double top = -std::numeric_limits<double>::infinity();
        double total = 0.0;
        for (const auto a : answers)
            if (sums[a] > 0.0)
                top = std::max<double>(top, all.answers[a].max);
        for (const auto a : answers)
            if (sums[a] > 0.0)
                total += head.merge == GroupMerge::Mean ? 1.0 : sums[a] * std::exp(all.answers[a].max - top);
        // By mass the sums cancel: one softmax over all groups, its keys counted as often as they occur.
        for (const auto a : answers)
            if (sums[a] > 0.0)
                all.answers[a].factor = static_cast<float>(head.merge == GroupMerge::Mean ? 1.0 / (total * sums[a])
                                                                                          : std::exp(all.answers[a].max - top) / total);
    }
}

} // namespace attnscope
