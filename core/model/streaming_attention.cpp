// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/streaming_attention.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace attnscope {

namespace {

constexpr Index QueryBlock = 128;
constexpr Index KeyBlock = 256;
constexpr float NothingSeen = -std::numeric_limits<float>::infinity();

/// One block of queries of one head; the sums of its rows are kept while key blocks pass by.
class QueryBlockPass {
public:
    QueryBlockPass(const Inputs& inputs, HeadRef head, Index firstQuery, MatrixView<float> out)
        : m_inputs(inputs),
          m_head(head),
          m_firstQuery(firstQuery),
          m_out(out),
          m_max(static_cast<std::size_t>(out.rows), NothingSeen),
          m_sum(static_cast<std::size_t>(out.rows), 0.0)
    {
    }

    void run(const RunContext& context)
    {
        for (Index i = 0; i < m_out.rows; ++i)
            std::fill_n(m_out.row(i), m_out.cols, 0.0F);
        const Index last = seenBy(m_out.rows - 1).last;
        for (Index key = seenBy(0).first; key < last && !context.cancelled(); key += KeyBlock)
            addKeys(key, std::min(KeyBlock, last - key));
        for (Index i = 0; i < m_out.rows; ++i)
            scaleRow(m_out.rowSpan(i), static_cast<float>(1.0 / m_sum[static_cast<std::size_t>(i)]));
    }

private:
    KeyRange seenBy(Index row) const { return m_inputs.mask().visible(m_firstQuery + row); }

    void addKeys(Index key, Index count)
    {
        thread_local std::vector<float> buffer(QueryBlock * KeyBlock);
        const MatrixView<float> logits{buffer.data(), m_out.rows, count, count};
        const auto q = m_inputs.qOf(m_head).rowRange(m_firstQuery, m_out.rows);
        gemmNT(q, m_inputs.kOf(m_head).rowRange(key, count), logits, m_inputs.effectiveScale());
        for (Index i = 0; i < logits.rows; ++i)
            exponentiate(logits.rowSpan(i), i, key);
        gemmNN(logits, m_inputs.vOf(m_head).rowRange(key, count), m_out, 1.0F, Into::Add);
    }

    /// Turns a row of logits into exp(logit - max so far), and rescales what the row has gathered to that maximum.
    void exponentiate(std::span<float> logits, Index row, Index key)
    {
        const auto [first, last] = seenBy(row);
        const auto count = static_cast<Index>(logits.size());
        const Index from = std::clamp<Index>(first - key, 0, count);
        const Index to = std::clamp<Index>(last - key, from, count);
        std::fill(logits.begin(), logits.begin() + from, 0.0F);
        std::fill(logits.begin() + to, logits.end(), 0.0F);
        if (from == to)
            return;
        const auto seen = logits.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
        float& max = m_max[static_cast<std::size_t>(row)];
        double& sum = m_sum[static_cast<std::size_t>(row)];
        const float newMax = std::max(max, rowMax(seen));
        if (newMax > max && max != NothingSeen) {
            const float factor = std::exp(max - newMax);
            sum *= factor;
            scaleRow(m_out.rowSpan(row), factor);
        }
        max = newMax;
        sum += expRow(seen, max);
    }

    const Inputs& m_inputs;
    HeadRef m_head;
    Index m_firstQuery;
    MatrixView<float> m_out;
    std::vector<float> m_max;
    std::vector<double> m_sum;
};

} // namespace

bool streamAttention(const Inputs& inputs, MatrixView<float> out, const RunContext& context)
{
    const Index n = inputs.q.rows();
    const Index width = inputs.v.cols();
    const Index blocks = (n + QueryBlock - 1) / QueryBlock;
    return parallelFor(blocks * inputs.q.heads(), 1, context, [&](Index task, Index) {
        const Index head = task / blocks;
        const Index first = task % blocks * QueryBlock;
        const MatrixView<float> part{out.row(first) + head * width, std::min(QueryBlock, n - first), width, out.stride};
        QueryBlockPass(inputs, {0, head}, first, part).run(context);
    });
}

} // namespace attnscope
