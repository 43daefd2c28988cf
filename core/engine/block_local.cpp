// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/block_local.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/streaming_softmax.h"

#include <algorithm>
#include <vector>

namespace attnscope {

namespace {

BlockLocal blocksOf(const Inputs& in, Index window) { return {in.q.rows(), in.k.rows(), window, in.causal}; }

/// Calls use(first, count) for runs of queries that see the same blocks, at most kStreamQueries long.
bool forEachRun(const BlockLocal& blocks, const RunContext& context, const std::function<void(Index, Index)>& use)
{
    const Index firstBlock = blocks.place(0) / blocks.window;
    const Index count = (blocks.keys - 1) / blocks.window - firstBlock + 1;
    return parallelFor(count, 1, context, [&](Index b, Index) {
        const Index offset = blocks.keys - blocks.queries;
        const Index last = std::min(blocks.queries, (firstBlock + b + 1) * blocks.window - offset);
        for (Index i = std::max<Index>(0, (firstBlock + b) * blocks.window - offset); i < last && !context.cancelled(); i += kStreamQueries)
            use(i, std::min(kStreamQueries, last - i));
    });
}

/// The queries from `first` on against the keys of their blocks alone.
StreamingTask taskOf(const Inputs& in, HeadRef head, const BlockLocal& blocks, Index first, Index count)
{
    const Index begin = blocks.begin(first);
    const Index keys = blocks.end(first + count - 1) - begin;
    KeySupport support;
    support.keys = keys;
    support.offset = blocks.place(first) - begin;
    support.before = keys;
    support.after = blocks.causal ? 0 : keys;
    return {in.qOf(head).rowRange(first, count), in.kOf(head).rowRange(begin, keys), in.vOf(head).rowRange(begin, keys),
            in.effectiveScale(), support};
}

class BlockLocalSource final : public ScoreSource {
public:
    BlockLocalSource(const Inputs& in, HeadRef head, Index window)
        : m_inputs(in), m_head(head), m_blocks(blocksOf(in, window)), m_norms(static_cast<std::size_t>(in.q.rows()))
    {
    }

    bool computeNorms(const RunContext& context)
    {
        return forEachRun(m_blocks, context, [&](Index first, Index count) {
            streamQueries(taskOf(m_inputs, m_head, m_blocks, first, count), 0, count, {}, m_norms.data() + first);
        });
    }

    Index rows() const override { return m_blocks.queries; }
    Index cols() const override { return m_blocks.keys; }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return {0, m_blocks.causal ? m_blocks.place(row) + 1 : cols()}; }
    bool isZero(Index row0, Index col0, Index rowCount, Index colCount) const override
    {
        const Index last = std::min(row0 + rowCount, rows()) - 1;
        return m_blocks.end(last) <= col0 || m_blocks.begin(row0) >= col0 + colCount;
    }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        constexpr Index kRows = 64;
        for (Index r = 0; r < out.rows; r += kRows) {
            if (context.cancelled())
                return cancelledError();
            readRows(row0 + r, col0, out.rowRange(r, std::min(kRows, out.rows - r)));
        }
        return {};
    }

private:
    void readRows(Index row0, Index col0, MatrixView<float> out) const
    {
        const Index begin = std::clamp(m_blocks.begin(row0), col0, col0 + out.cols);
        const Index end = std::clamp(m_blocks.end(row0 + out.rows - 1), begin, col0 + out.cols);
        const MatrixView<float> part{out.data + (begin - col0), out.rows, end - begin, out.stride};
        if (part.cols > 0)
            gemmNT(m_inputs.qOf(m_head).rowRange(row0, out.rows), m_inputs.kOf(m_head).rowRange(begin, part.cols), part,
                   m_inputs.effectiveScale());
        for (Index i = 0; i < out.rows; ++i) {
            const Index from = std::clamp(m_blocks.begin(row0 + i), col0, col0 + out.cols) - col0;
            const Index to = std::clamp(m_blocks.end(row0 + i), col0 + from, col0 + out.cols) - col0;
            const RowNorm& norm = m_norms[static_cast<std::size_t>(row0 + i)];
            const std::span<float> seen(out.row(i) + from, static_cast<std::size_t>(to - from));
            expRow(seen, norm.max);
            scaleRow(seen, static_cast<float>(1.0 / norm.sum));
            std::fill(out.row(i), out.row(i) + from, 0.0F);
            std::fill(out.row(i) + to, out.row(i) + out.cols, 0.0F);
        }
    }

    Inputs m_inputs;
    HeadRef m_head;
    BlockLocal m_blocks;
    std::vector<RowNorm> m_norms;
};

} // namespace

Index BlockLocal::begin(Index query) const { return std::max<Index>(0, place(query) / window - 1) * window; }

Index BlockLocal::end(Index query) const { return causal ? place(query) + 1 : std::min(keys, (place(query) / window + 2) * window); }

bool runBlockLocal(const Inputs& in, HeadRef head, Index window, MatrixView<float> out, const RunContext& context)
{
    const BlockLocal blocks = blocksOf(in, window);
    return forEachRun(blocks, context, [&](Index first, Index count) {
        streamQueries(taskOf(in, head, blocks, first, count), 0, count, out.rowRange(first, count), nullptr);
    });
}

Result<std::shared_ptr<const ScoreSource>> makeBlockLocalSource(const Inputs& in, HeadRef head, Index window, const RunContext& context)
{
    auto source = std::make_shared<BlockLocalSource>(in, head, window);
    if (!source->computeNorms(context))
        return cancelledError();
    return std::shared_ptr<const ScoreSource>(std::move(source));
}

} // namespace attnscope
