// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/support_softmax.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <atomic>

namespace attnscope {

namespace {

StreamingTask taskOf(const Inputs& in, HeadRef head, const KeySupport& support)
{
    return {in.qOf(head), in.kOf(head), in.vOf(head), in.effectiveScale(), support};
}

/// 0, last, 1, last - 1, ...: blocks of causal queries grow, and threads share runs of tasks, which are equally long in this order.
Index fromBothEnds(Index at, Index count) { return at % 2 == 0 ? at / 2 : count - 1 - at / 2; }

} // namespace

Result<Tensor> runSupportSoftmax(const Inputs& in, const KeySupport& support, const RunContext& context)
{
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const Index blocks = (s.queries + kStreamQueries - 1) / kStreamQueries;
    const Index total = s.batch * s.heads * blocks;
    std::atomic<Index> finished{0};
    const bool done = parallelFor(total, 1, context, [&](Index task, Index) {
        const HeadRef head{task / (s.heads * blocks), task / blocks % s.heads};
        const Index first = fromBothEnds(task % blocks, blocks) * kStreamQueries;
        const Index count = std::min(kStreamQueries, s.queries - first);
        streamQueries(taskOf(in, head, support), first, count, out.matrix(head).rowRange(first, count), nullptr);
        context.report(static_cast<double>(++finished) / static_cast<double>(total));
    });
    if (!done)
        return cancelledError();
    return out;
}

double supportPairs(const KeySupport& support, Index queries)
{
    // Away from the ends every query sees equally many keys.
    const Index flatFirst = std::clamp<Index>(support.before + support.globals - support.offset, 0, queries);
    const Index flatLast = std::clamp<Index>(support.keys - support.after - support.offset, flatFirst, queries);
    double pairs = flatLast > flatFirst ? static_cast<double>(flatLast - flatFirst) * static_cast<double>(support.count(flatFirst)) : 0.0;
    for (Index i = 0; i < flatFirst; ++i)
        pairs += static_cast<double>(support.count(i));
    for (Index i = flatLast; i < queries; ++i)
        pairs += static_cast<double>(support.count(i));
    return pairs;
}

double fullPairs(const Shape& s, bool causal)
{
    const auto queries = static_cast<double>(s.queries);
    const auto keys = static_cast<double>(s.keys);
    return causal ? queries * (keys - queries) + 0.5 * queries * (queries + 1.0) : queries * keys;
}

Cost streamingCost(const Shape& s, double pairs)
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto width = static_cast<double>(s.dim + s.valueDim);
    const double output = 4.0 * heads * static_cast<double>(s.queries * s.valueDim);
    const double scratch = RunContext{}.threadCount() * streamScratchBytes(s.dim, s.valueDim);
    return {2.0 * heads * pairs * width, 4.0 * heads * static_cast<double>(s.queries + s.keys) * width, output + scratch};
}

} // namespace attnscope
