// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/softmax_source.h"

#include <cmath>
#include <limits>

namespace attnscope {

namespace {

class ReferenceSource final : public ScoreSource {
public:
    ReferenceSource(const Inputs& inputs, HeadRef head) : m_inputs(inputs), m_head(head) {}

    Index rows() const override { return m_inputs.q.rows(); }
    Index cols() const override { return m_inputs.k.rows(); }
    Provenance provenance() const override { return Provenance::Exact; }
    KeyRange visible(Index row) const override { return m_inputs.mask().visible(row); }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        std::vector<double> p(static_cast<std::size_t>(cols()));
        for (Index i = 0; i < out.rows; ++i) {
            if (context.cancelled())
                return cancelledError();
            softmaxRow(m_inputs, m_head, row0 + i, p);
            for (Index j = 0; j < out.cols; ++j)
                out(i, j) = static_cast<float>(p[static_cast<std::size_t>(col0 + j)]);
        }
        return {};
    }

private:
    Inputs m_inputs;
    HeadRef m_head;
};

} // namespace

Index visibleKeys(const Inputs& inputs, Index query)
{
    return inputs.causal ? query + 1 + inputs.k.rows() - inputs.q.rows() : inputs.k.rows();
}

void softmaxRow(const Inputs& inputs, HeadRef head, Index query, std::span<double> p)
{
    const auto q = inputs.qOf(head).rowSpan(query);
    const auto k = inputs.kOf(head);
    const auto [first, last] = inputs.mask().visible(query);
    const double scale = inputs.effectiveScale();
    double top = -std::numeric_limits<double>::infinity();
    for (Index j = first; j < last; ++j) {
        double dot = 0.0;
        for (Index c = 0; c < k.cols; ++c)
            dot += static_cast<double>(q[static_cast<std::size_t>(c)]) * k(j, c);
        p[static_cast<std::size_t>(j)] = scale * dot;
        top = std::max(top, scale * dot);
    }
    double sum = 0.0;
    for (Index j = first; j < last; ++j)
        sum += p[static_cast<std::size_t>(j)] = std::exp(p[static_cast<std::size_t>(j)] - top);
    for (Index j = first; j < last; ++j)
        p[static_cast<std::size_t>(j)] /= sum;
    std::fill(p.begin(), p.begin() + first, 0.0);
    std::fill(p.begin() + last, p.end(), 0.0);
}

std::shared_ptr<const ScoreSource> makeReferenceSource(const Inputs& inputs, HeadRef head)
{
    return std::make_shared<ReferenceSource>(inputs, head);
}

} // namespace attnscope
