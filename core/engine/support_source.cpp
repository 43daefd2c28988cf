// SPDX-License-Identifier: GPL-3.0-or-later
// The map of softmax over a support: exp(logit - row maximum) / row sum, block by block.
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/row_norms.h"
#include "core/engine/support_softmax.h"

#include <algorithm>
#include <span>

namespace attnscope {

namespace {

/// Rows read together: their windows overlap, and K is repacked once for all of them.
constexpr Index kRowGroup = 128;
/// Blocks of more cells than this are read on all threads.
constexpr Index kParallelCells = Index{1} << 18;
/// Rows of a map of more pairs than this are normalised when they are first read, so that it can be seen at once.
constexpr double kPairsAtOnce = 0x1p26;

class SupportSource final : public ScoreSource {
public:
    SupportSource(const Inputs& inputs, HeadRef head, const KeySupport& support, Provenance provenance)
        : m_inputs(inputs),
          m_head(head),
          m_support(support),
          m_provenance(provenance),
          m_task{m_inputs.qOf(head), m_inputs.kOf(head), {}, m_inputs.effectiveScale(), support},
          m_norms(inputs.q.rows())
    {
    }

    bool requireNorms(Index row0, Index rowCount, const RunContext& context) const
    {
        return m_norms.require(m_task, row0, rowCount, context);
    }

    Index rows() const override { return m_inputs.q.rows(); }
    Index cols() const override { return m_inputs.k.rows(); }
    Provenance provenance() const override { return m_provenance; }
    KeyRange visible(Index row) const override { return m_inputs.mask().visible(row); }
    bool isZero(Index row0, Index col0, Index rowCount, Index colCount) const override
    {
        return std::max(col0, windowBegin(row0, rowCount)) >= std::min(col0 + colCount, windowEnd(row0, rowCount)) &&
               (col0 >= std::min(m_support.globals, windowEnd(row0, rowCount)) || col0 + colCount <= m_support.floor(row0));
    }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override;

private:
    Index windowBegin(Index row0, Index) const { return m_support.begin(row0); } // begins never decrease
    Index windowEnd(Index row0, Index rowCount) const;
    void readRows(Index row0, Index col0, MatrixView<float> out) const;
    void readSegment(Index row0, Index col0, MatrixView<float> out) const;

    Inputs m_inputs;
    HeadRef m_head;
    KeySupport m_support;
    Provenance m_provenance;
    StreamingTask m_task;
    mutable RowNorms m_norms;
};

Index SupportSource::windowEnd(Index row0, Index rowCount) const
{
    // Ends grow from row to row, but global rows may see further than those after them.
    const Index last = row0 + rowCount - 1;
    const Index lastGlobal = std::min(last, m_support.globals - m_support.offset - 1);
    return std::max(m_support.end(last), lastGlobal >= row0 ? m_support.end(lastGlobal) : 0);
}

Result<void> SupportSource::readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const
{
    if (!requireNorms(row0, out.rows, context))
        return cancelledError();
    if (out.rows * out.cols <= kParallelCells) {
        for (Index r = 0; r < out.rows && !context.cancelled(); r += kRowGroup)
            readRows(row0 + r, col0, out.rowRange(r, std::min(kRowGroup, out.rows - r)));
        return context.cancelled() ? Result<void>(cancelledError()) : Result<void>();
    }
    const bool done =
        parallelFor(out.rows, kRowGroup, context, [&](Index r, Index last) { readRows(row0 + r, col0, out.rowRange(r, last - r)); });
    return done ? Result<void>() : Result<void>(cancelledError());
}

void SupportSource::readRows(Index row0, Index col0, MatrixView<float> out) const
{
    const Index colEnd = col0 + out.cols;
    const Index begin = std::clamp(windowBegin(row0, out.rows), col0, colEnd);
    const Index end = std::clamp(windowEnd(row0, out.rows), begin, colEnd);
    const Index globals = std::clamp(std::min(m_support.globals, windowEnd(row0, out.rows)), col0, begin);
    const auto part = [&](Index from, Index to) { return MatrixView<float>{out.data + from - col0, out.rows, to - from, out.stride}; };
    for (Index i = 0; i < out.rows; ++i) {
        std::fill(out.row(i) + globals - col0, out.row(i) + begin - col0, 0.0F);
        std::fill(out.row(i) + end - col0, out.row(i) + out.cols, 0.0F);
    }
    if (globals > col0)
        readSegment(row0, col0, part(col0, globals));
    if (end > begin)
        readSegment(row0, begin, part(begin, end));
}

void SupportSource::readSegment(Index row0, Index col0, MatrixView<float> out) const
{
    gemmNT(m_inputs.qOf(m_head).rowRange(row0, out.rows), m_inputs.kOf(m_head).rowRange(col0, out.cols), out, m_inputs.effectiveScale());
    for (Index i = 0; i < out.rows; ++i) {
        const Index row = row0 + i;
        float* const cells = out.row(i);
        const Index end = std::clamp<Index>(m_support.end(row) - col0, 0, out.cols);
        const Index begin = std::clamp<Index>(m_support.begin(row) - col0, 0, end);
        std::fill(cells + end, cells + out.cols, 0.0F);
        const Index floor = std::clamp<Index>(m_support.floor(row) - col0, 0, begin);
        const Index globals = std::clamp<Index>(m_support.globals - col0, floor, begin);
        std::fill(cells, cells + floor, 0.0F);
        std::fill(cells + globals, cells + begin, 0.0F);
        // Between global keys and window lie zeros: exponentiate the two ends, or everything where there is no gap.
        for (const auto part : {std::span(cells + floor, cells + globals), std::span(cells + begin, cells + end)}) {
            expRow(part, m_norms.max(row));
            scaleRow(part, m_norms.inverse(row));
        }
    }
}

} // namespace

Result<std::shared_ptr<const ScoreSource>> makeSupportSource(const Inputs& inputs, HeadRef head, const KeySupport& support,
                                                             Provenance provenance, const RunContext& context)
{
    auto source = std::make_shared<SupportSource>(inputs, head, support, provenance);
    const bool atOnce = supportPairs(support, source->rows()) <= kPairsAtOnce;
    if (context.cancelled() || (atOnce && !source->requireNorms(0, source->rows(), context)))
        return cancelledError();
    return std::shared_ptr<const ScoreSource>(std::move(source));
}

} // namespace attnscope
