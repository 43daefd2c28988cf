// SPDX-License-Identifier: GPL-3.0-or-later
// Efficient Attention of Shen et al.: softmax of queries over features, of keys over positions, and no softmax of products.
#include "core/engine/sequence_softmax.h"
#include "core/method/attention_method.h"

#include <cmath>

namespace attnscope::methods {

namespace {

float inputScale(const Inputs& in, const Params& params)
{
    return params.text("inputs") == "scaled" ? std::sqrt(in.effectiveScale()) : 1.0F;
}

class Efficient final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params&, bool) const override
    {
        const auto width = static_cast<double>(s.dim + s.valueDim);
        return {sequenceSoftmaxFlops(s), 4.0 * static_cast<double>(s.batch * s.heads * (s.queries + s.keys)) * width,
                sequenceSoftmaxBytes(s, RunContext{}.threadCount())};
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        return runSequenceSoftmax(in, inputScale(in, params), {}, context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        auto factors = sequenceSoftmaxFactors(in, head, inputScale(in, params), {}, context);
        if (!factors)
            return factors.error();
        return makeLowRankSource(*std::move(factors));
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs&, HeadRef, const Params&, const RunContext&) const override
    {
        return std::vector<TheoryCurve>{{.title = "No error bound",
                                         .kind = TheoryKind::Guidance,
                                         .caption = "Efficient Attention is a mechanism of its own: no theorem bounds its distance from "
                                                    "softmax attention, and more features don't bring it closer."}};
    }
    Index rankBound(const Shape& s, const Params&) const override { return s.dim; }
};

/// Â_ij = Σ_f ρq_if ρk_jf.
Result<DefinedMap> Efficient::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const double scale = params.text("inputs") == "scaled" ? std::sqrt(static_cast<double>(in.effectiveScale())) : 1.0;
    const auto rho = definedSoftmaxes(in, head, scale);
    DefinedMap map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i)
        for (Index j = 0; j < map.cols; ++j)
            for (Index f = 0; f < rho.dim; ++f)
                map.at(i, j) += rho.q(i, f) * rho.k(j, f);
    return map;
}

const MethodInfo& Efficient::info() const
{
    static const MethodInfo info{
        .id = "efficient",
        .title = "Efficient Attention (Shen et al.)",
        .family = "kernel",
        .summary = "Softmax of each query over its features and of each key feature over all positions, multiplied without any further "
                   "normalisation: a mechanism of its own that needs no logit scale.",
        .formula = "O = ρ_q(Q) (ρ_k(K)ᵀ V),  ρ_q: softmax over the d features of a query,  ρ_k: softmax over the n positions of a feature",
        .assumes = "Each feature picks out a group of positions, and a query needs a mixture of at most d such groups.",
        .loses = "Rows stay near uniform unless single features of queries and keys are both large; there is no temperature, so the "
                 "spikes of softmax can't be reached, and no causal form exists because ρ_k looks at all positions.",
        .reference = "Shen et al., Efficient Attention: Attention with Linear Complexities, WACV 2021, arXiv:1812.01243, eq. 6",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .params = {{.key = "inputs",
                    .label = "Inputs",
                    .kind = ParamKind::Choice,
                    .choices = {"as-given", "scaled"},
                    .help = "as-given: q and k as published; scaled: both times the square root of the logit scale, d^(-1/4) by "
                            "default, which is ours."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> efficient() { return std::make_unique<Efficient>(); }

} // namespace attnscope::methods
