// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba-2 (SSD): a state space model with one decay per head, which is linear attention under a semiseparable mask.
#include "core/engine/mixer_definition.h"
#include "core/engine/mixer_method.h"
#include "core/engine/state_space.h"

#include <cmath>

namespace attnscope::methods {

namespace {

class Mamba2 final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        const bool given = in.array("g", head) || in.array("A", head) || in.array("dt", head);
        return decayTheory(in, head, given ? std::optional<double>() : params.number("g") * params.number("dt"), "Dao and Gu 2024, eq. 6",
                           context);
    }
};

Result<MixerFactors> Mamba2::factors(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto rows = stateSpaceRows(in, head);
    if (!rows)
        return rows.error();
    MixerFactors f{.tokens = in.k.rows(), .q = rows->reads, .write = rows->writes};
    const auto dt = stateSpaceSteps(in, head, params, f);
    if (!dt)
        return dt.error();
    const auto g = stateSpaceDecay(in, head, params, f);
    if (!g)
        return g.error();
    f.strength = *dt;
    f.logDecay = *g;
    for (Index i = 0; i < f.queries() && in.array("D", head); ++i)
        f.own.push_back(static_cast<float>(ownShare(in, head, i)));
    return f;
}

Result<DefinedMap> Mamba2::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto rows = stateSpaceRows(in, head);
    if (!rows)
        return rows.error();
    const Index offset = in.k.rows() - in.q.rows();
    DefinedMap map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i) {
        double sum = 0.0; // of log decays after token j
        for (Index j = i + offset; j >= 0; --j) {
            double product = 0.0;
            for (Index c = 0; c < rows->writes.cols; ++c)
                product += static_cast<double>(rows->reads(i, c)) * static_cast<double>(rows->writes(j, c));
            map.at(i, j) = product * std::exp(sum) * definedStep(in, head, params, j);
            sum += definedLogDecay(in, head, params, j);
        }
        map.at(i, i + offset) += ownShare(in, head, i);
    }
    return map;
}

const MethodInfo& Mamba2::info() const
{
    static const MethodInfo info{
        .id = "mamba2",
        .title = "Mamba-2 (SSD)",
        .family = "recurrent",
        .summary = "A selective state space model with one decay per head: linear attention of C to B under a mask of decays, each token "
                   "weighted by its step.",
        .formula = "Mᵢⱼ = (Cᵢ·Bⱼ) e^(Gᵢ − Gⱼ) Δⱼ for j ≤ i, gᵢ = Δᵢ A;  Sᵢ = e^gᵢ Sᵢ₋₁ + Δᵢ Bᵢ xᵢᵀ,  yᵢ = Sᵢᵀ Cᵢ + D xᵢ",
        .assumes = "Steps know which tokens matter, and one forgetting rate per head is enough.",
        .loses = "Old tokens as the decay demands, all of them alike; scores are not sharpened and may be negative.",
        .learned = "B, C, Δ, A and D are learned, and x, B and C pass a short convolution and SiLU; here they are the input's arrays of "
                   "those names, else C = q, B = k, x = v with a constant step and decay.",
        .reference =
            "Dao, Gu, Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space Duality, ICML "
            "2024, arXiv:2405.21060, eq. 6 and section 6",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = stateSpaceParams(),
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> mamba2() { return std::make_unique<Mamba2>(); }

} // namespace attnscope::methods
