// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax attention as it is defined, in float64, one row at a time: the yardstick of every fast path.
#include "core/base/parallel.h"
#include "core/method/attention_method.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <vector>

namespace attnscope::methods {

namespace {

class SoftmaxReference final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params&, bool causal) const override
    {
        const auto pairs =
            static_cast<double>(s.batch * s.heads) * static_cast<double>(s.queries) * static_cast<double>(s.keys) * (causal ? 0.5 : 1.0);
        return {pairs * 2.0 * static_cast<double>(s.dim + s.valueDim), 4.0 * pairs, 8.0 * static_cast<double>(s.keys)};
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        const Shape s = in.shape();
        Tensor out(s.batch, s.heads, s.queries, s.valueDim);
        const bool done = parallelFor(s.batch * s.heads * s.queries, 8, context, [&](Index first, Index last) {
            std::vector<double> p(static_cast<std::size_t>(s.keys));
            std::vector<double> o(static_cast<std::size_t>(s.valueDim));
            for (Index r = first; r < last; ++r) {
                const HeadRef h{r / (s.heads * s.queries), r / s.queries % s.heads};
                const Index i = r % s.queries;
                softmaxRow(in, h, i, p);
                std::fill(o.begin(), o.end(), 0.0);
                const auto v = in.vOf(h);
                for (Index j = 0; j < s.keys; ++j)
                    for (Index c = 0; c < s.valueDim; ++c)
                        o[static_cast<std::size_t>(c)] += p[static_cast<std::size_t>(j)] * v(j, c);
                std::transform(o.begin(), o.end(), out.matrix(h).row(i), [](double x) { return static_cast<float>(x); });
            }
        });
        if (!done)
            return cancelledError();
        return out;
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        if (context.cancelled())
            return cancelledError();
        return makeReferenceSource(in, head);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params&) const override
    {
        return definedSoftmax(in, head, [](Index, Index) { return true; });
    }
};

const MethodInfo& SoftmaxReference::info() const
{
    static const MethodInfo info{
        .id = "softmax-reference",
        .title = "Softmax (float64 reference)",
        .family = "exact",
        .summary = "Scaled dot-product attention evaluated row by row in float64: slow, and the measure of every other result.",
        .formula = "A = softmax(Q Kᵀ / √d),  O = A V",
        .assumes = "Nothing: it is what the others are compared with.",
        .loses = "Nothing but rounding.",
        .reference = "Vaswani et al., Attention Is All You Need, NeurIPS 2017, arXiv:1706.03762, eq. 1",
        .timeGrowth = "n² d",
        .memoryGrowth = "n",
        .exact = true,
        .supportsCausal = true,
        .supportsWindow = true,
        .mapIsQuadratic = true,
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> softmax_reference() { return std::make_unique<SoftmaxReference>(); }

} // namespace attnscope::methods
