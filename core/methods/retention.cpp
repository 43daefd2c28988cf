// SPDX-License-Identifier: GPL-3.0-or-later
// RetNet's retention: linear attention whose state decays at a fixed rate per head.
#include "core/engine/mixer_definition.h"
#include "core/engine/mixer_method.h"

#include <cmath>

namespace attnscope::methods {

namespace {

double gammaOf(const Params& params, Index head)
{
    const double given = params.number("gamma");
    return given > 0.0 ? given : 1.0 - std::pow(2.0, -5.0 - static_cast<double>(head));
}

class Retention final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override
    {
        MixerFactors f{.tokens = in.k.rows(), .q = in.qOf(head), .write = in.kOf(head), .scale = in.effectiveScale()};
        Tensor g(1, 1, 1, 1);
        *g.data() = static_cast<float>(std::log(gammaOf(params, in.headOfLayer(head))));
        f.logDecay = f.keep(std::move(g));
        return f;
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override
    {
        const double gamma = gammaOf(params, in.headOfLayer(head));
        const Index offset = in.k.rows() - in.q.rows();
        DefinedMap map(in.q.rows(), in.k.rows());
        for (Index i = 0; i < map.rows; ++i)
            for (Index j = 0; j <= i + offset; ++j)
                map.at(i, j) = definedLogit(in, head, i, j) * std::pow(gamma, static_cast<double>(i + offset - j));
        return map;
    }
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        return decayTheory(in, head, std::log(gammaOf(params, in.headOfLayer(head))), "Sun et al. 2023, eq. 8", context);
    }
};

const MethodInfo& Retention::info() const
{
    static const MethodInfo info{
        .id = "retention",
        .title = "Retention (RetNet)",
        .family = "recurrent",
        .summary = "Drops the softmax: the score is q·k times a decay that depends on distance alone, so that a state of fixed size holds "
                   "the past.",
        .formula = "Mᵢⱼ = γₕ^(i−j) qᵢ·kⱼ/√d for j ≤ i;  Sᵢ = γₕ Sᵢ₋₁ + kᵢ vᵢᵀ;  γₕ = 1 − 2^(−5−h)",
        .assumes = "What a query needs is near, or points in a direction of its own among the keys.",
        .loses =
            "Tokens beyond a few half-lives of the head are gone; near ones blur, for nothing sharpens a score as exp does, and scores "
            "may be negative.",
        .learned = "A trained RetNet has its own projections, a group norm and a gate after it; here the given q, k and v stand for them, "
                   "without norm and gate, which scale rows but move no weight between tokens.",
        .reference =
            "Sun et al., Retentive Network: A Successor to Transformer for Large Language Models, 2023, arXiv:2307.08621, eq. 5, 6 "
            "and 8",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = {{.key = "gamma",
                    .label = "Decay per token γ",
                    .initial = 0,
                    .min = 0,
                    .max = 1,
                    .help = "The factor by which the state shrinks at each token; 0 takes the published schedule of heads, "
                            "1 − 2^(−5−h); 1 is linear attention without decay."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> retention() { return std::make_unique<Retention>(); }

} // namespace attnscope::methods
