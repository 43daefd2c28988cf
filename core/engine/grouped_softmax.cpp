// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/grouped_softmax.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/scratch.h"
#include "core/engine/group_logits.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

namespace {

/// Pieces of at most kGroupQueries queries of one group, so that a large group keeps all threads busy.
struct Piece {
    std::size_t group;
    std::size_t first; ///< of the group's queries
    std::size_t count;
};

std::vector<Piece> piecesOf(const GroupedHead& head)
{
    std::vector<Piece> pieces;
    for (std::size_t g = 0; g < head.groups.size(); ++g)
        for (std::size_t i = 0; i < head.groups[g].queries.size(); i += kGroupQueries)
            pieces.push_back({g, i, std::min<std::size_t>(kGroupQueries, head.groups[g].queries.size() - i)});
    return pieces;
}

/// Numerators [answers, Dv] and sums of one piece, online over blocks of the group's keys.
void answerPiece(const GroupedHead& head, const Piece& piece, GroupAnswer* answers, double* sums, MatrixView<float> out)
{
    constexpr std::size_t kKeys = 512;
    thread_local Scratch scratch;
    const AttentionGroup& group = head.groups[piece.group];
    const auto queries = std::span(group.queries).subspan(piece.first, piece.count);
    const auto rows = static_cast<Index>(piece.count);
    for (Index i = 0; i < rows; ++i) {
        answers[i] = {-std::numeric_limits<float>::infinity(), 0.0F};
        sums[i] = 0.0;
        std::fill_n(out.row(i), out.cols, 0.0F);
    }
    for (std::size_t first = 0; first < group.keys.size(); first += kKeys) {
        const auto keys = std::span(group.keys).subspan(first, std::min(kKeys, group.keys.size() - first));
        const auto cols = static_cast<Index>(keys.size());
        float* const memory = scratch.floats(cols * (rows + head.v.cols));
        const MatrixView<float> p{memory, rows, cols, cols};
        const MatrixView<float> v{memory + rows * cols, cols, head.v.cols, head.v.cols};
        groupLogits(head, queries, keys, p);
        for (Index i = 0; i < rows; ++i) {
            const float top = std::max(answers[i].max, rowMax(p.rowSpan(i)));
            if (top == -std::numeric_limits<float>::infinity()) {
                std::fill_n(p.row(i), cols, 0.0F);
                continue;
            }
            const float decay = std::exp(answers[i].max - top);
            scaleRow(out.rowSpan(i), decay);
            sums[i] = sums[i] * static_cast<double>(decay) + expRow(p.rowSpan(i), top);
            answers[i].max = top;
        }
        gatherRows(head.v, keys, v);
        gemmNN(p, v, out, 1.0F, Into::Add);
    }
}

bool runHead(const GroupedHead& head, MatrixView<float> out, const RunContext& context)
{
    GroupAnswers all = indexAnswers(head);
    const auto pieces = piecesOf(head);
    std::vector<double> sums(all.answers.size());
    Tensor numerators(1, 1, static_cast<Index>(all.answers.size()), head.v.cols);
    bool done = parallelFor(static_cast<Index>(pieces.size()), 1, context, [&](Index at, Index) {
        const Piece& piece = pieces[static_cast<std::size_t>(at)];
        const std::size_t first = all.groupStart[piece.group] + piece.first;
        answerPiece(head, piece, all.answers.data() + first, sums.data() + first,
                    numerators.matrix().rowRange(static_cast<Index>(first), static_cast<Index>(piece.count)));
    });
    if (!done)
        return false;
    shareAnswers(head, sums, all);
    return parallelFor(out.rows, 256, context, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            std::fill_n(out.row(i), out.cols, 0.0F);
            for (std::size_t a = all.queryStart[static_cast<std::size_t>(i)]; a < all.queryStart[static_cast<std::size_t>(i) + 1]; ++a)
                addScaledRow(out.rowSpan(i), all.answers[all.ofQuery[a]].factor,
                             std::as_const(numerators).matrix().rowSpan(static_cast<Index>(all.ofQuery[a])));
        }
    });
}

} // namespace

GroupedHead groupedHead(const Inputs& in, HeadRef head)
{
    GroupedHead grouped;
    grouped.q = in.qOf(head);
    grouped.k = in.kOf(head);
    grouped.v = in.vOf(head);
    grouped.scale = in.effectiveScale();
    grouped.causal = in.causal;
    grouped.offset = in.k.rows() - in.q.rows();
    grouped.owner = in.owner;
    return grouped;
}

Result<Tensor> runGrouped(const Inputs& in, const GroupedHeads& heads, const RunContext& context)
{
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    for (Index h = 0; h < s.batch * s.heads; ++h) {
        const HeadRef head{h / s.heads, h % s.heads};
        if (context.cancelled() || !runHead(heads(head), out.matrix(head), context))
            return cancelledError();
        context.report(static_cast<double>(h + 1) / static_cast<double>(s.batch * s.heads));
    }
    return out;
}

DefinedMap definedGrouped(const GroupedHead& head)
{
    DefinedMap map(head.q.rows, head.k.rows);
    struct Answer {
        std::vector<double> logits;
        const AttentionGroup* group;
        double lse;
    };
    for (Index i = 0; i < map.rows; ++i) {
        std::vector<Answer> answers;
        for (const AttentionGroup& group : head.groups) {
            if (std::find(group.queries.begin(), group.queries.end(), i) == group.queries.end())
                continue;
            Answer answer{{}, &group, -std::numeric_limits<double>::infinity()};
            double sum = 0.0;
            for (const Index j : group.keys) {
                double dot = 0.0;
                for (Index c = 0; c < head.q.cols; ++c)
                    dot += static_cast<double>(head.q(i, c)) * head.k(j, c);
                const bool masked = head.causal && j > i + head.offset;
                answer.logits.push_back(masked ? -std::numeric_limits<double>::infinity()
                                               : (head.selfLast && j == i + head.offset ? -5e4 : static_cast<double>(head.scale) * dot));
            }
            const double top = *std::max_element(answer.logits.begin(), answer.logits.end());
            if (std::isinf(top))
                continue;
            for (const double x : answer.logits)
                sum += std::exp(x - top);
            answer.lse = top + std::log(sum);
            answers.push_back(std::move(answer));
        }
        double top = -std::numeric_limits<double>::infinity();
        double mass = 0.0;
        for (const Answer& a : answers)
            top = std::max(top, a.lse);
        for (const Answer& a : answers)
            mass += std::exp(a.lse - top);
        for (const Answer& a : answers) {
            const double share = head.merge == GroupMerge::Mean ? 1.0 / static_cast<double>(answers.size()) : std::exp(a.lse - top) / mass;
            for (std::size_t at = 0; at < a.logits.size(); ++at)
                map.at(i, a.group->keys[at]) += share * std::exp(a.logits[at] - a.lse);
        }
    }
    return map;
}

Cost groupedCost(const Shape& s, double pairs, double answers)
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto width = static_cast<double>(s.dim + s.valueDim);
    const double output = 4.0 * heads * static_cast<double>(s.queries * s.valueDim);
    const double kept = answers * (4.0 * static_cast<double>(s.valueDim) + 24.0) + 8.0 * static_cast<double>(s.queries);
    const double scratch = RunContext{}.threadCount() * 4.0 * 512.0 * (2.0 * width + static_cast<double>(kGroupQueries));
    return {2.0 * heads * pairs * width, 4.0 * heads * (static_cast<double>(s.queries + s.keys) * width), output + kept + scratch};
}

} // namespace attnscope
