// SPDX-License-Identifier: GPL-3.0-or-later
// The map of softmax terms in a window and Taylor terms outside it: any block from its logits and one shift and sum a row.
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/taylor_features.h"
#include "core/engine/taylor_window.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kRowGroup = 128;

class TaylorWindowSource final : public ScoreSource {
public:
    TaylorWindowSource(const Inputs& inputs, HeadRef head, const TaylorWindow& window, std::vector<RowNorm> norms)
        : m_inputs(inputs),
          m_head(head),
          m_side(window.side),
          m_projected(window.projection != nullptr),
          m_projectedQ(m_projected ? projectedRows(inputs.qOf(head), window.projection.get()) : Tensor()),
          m_projectedK(m_projected ? projectedRows(inputs.kOf(head), window.projection.get()) : Tensor()),
          m_norms(std::move(norms))
    {
    }

    Index rows() const override { return m_inputs.q.rows(); }
    Index cols() const override { return m_inputs.k.rows(); }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return {0, visibleKeys(m_inputs, row)}; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        const bool done =
            parallelFor(out.rows, kRowGroup, context, [&](Index r, Index last) { readRows(row0 + r, col0, out.rowRange(r, last - r)); });
        return done ? Result<void>() : Result<void>(cancelledError());
    }

private:
    void readRows(Index row0, Index col0, MatrixView<float> out) const
    {
        const float scale = m_inputs.effectiveScale();
        gemmNT(m_inputs.qOf(m_head).rowRange(row0, out.rows), m_inputs.kOf(m_head).rowRange(col0, out.cols), out, scale);
        Tensor projected;
        if (m_projected) {
            projected = Tensor(1, 1, out.rows, out.cols);
            gemmNT(m_projectedQ.matrix().rowRange(row0, out.rows), m_projectedK.matrix().rowRange(col0, out.cols), projected.matrix(),
                   scale);
        }
        for (Index i = 0; i < out.rows; ++i) {
            const RowNorm& norm = m_norms[static_cast<std::size_t>(row0 + i)];
            const Index place = row0 + i + cols() - rows();
            const Index seen = visible(row0 + i).last;
            const double fade = std::exp(-static_cast<double>(norm.max)) / norm.sum;
            for (Index c = 0; c < out.cols; ++c) {
                const Index j = col0 + c;
                const double logit = out(i, c);
                const double outside = m_projected ? projected.matrix()(i, c) : out(i, c);
                const bool inside = std::abs(place - j) <= m_side;
                const double weight = inside ? std::exp(logit - static_cast<double>(norm.max)) / norm.sum : fade * taylorOf(outside);
                out(i, c) = j < seen ? static_cast<float>(weight) : 0.0F;
            }
        }
    }

    Inputs m_inputs;
    HeadRef m_head;
    Index m_side;
    bool m_projected;
    Tensor m_projectedQ, m_projectedK;
    std::vector<RowNorm> m_norms;
};

} // namespace

Result<std::shared_ptr<const ScoreSource>> makeTaylorWindowSource(const Inputs& inputs, HeadRef head, const TaylorWindow& window,
                                                                  const RunContext& context)
{
    std::vector<RowNorm> norms(static_cast<std::size_t>(inputs.q.rows()));
    if (!walkTaylorWindow(inputs, head, window, {}, norms, context))
        return cancelledError();
    return std::shared_ptr<const ScoreSource>(std::make_shared<TaylorWindowSource>(inputs, head, window, std::move(norms)));
}

} // namespace attnscope
