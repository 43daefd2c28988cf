// SPDX-License-Identifier: GPL-3.0-or-later
// Lightning Attention (MiniMax-01): unscaled linear attention with a fixed decay per head and layer.
#include "core/engine/mixer_definition.h"
#include "core/engine/mixer_method.h"

#include <algorithm>
#include <cmath>

namespace attnscope::methods {

namespace {

/// The log decay per token of head h of H, in one of the two schedules that are in use.
double logDecayOf(const Params& params, Index h, Index heads)
{
    const double layers = params.number("layers");
    const double layer = std::min(params.number("layer"), layers - 1.0);
    const double head = static_cast<double>(h);
    const double count = static_cast<double>(heads);
    if (params.text("schedule") == "fla")
        return -8.0 / count * (1.0 - layer / layers) * head;
    return -std::pow(2.0, -8.0 * (head + 1.0) / count) * (1.0 - layer / (layers - 1.0 + 1e-5) + 1e-5);
}

class Lightning final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override
    {
        MixerFactors f{.tokens = in.k.rows(), .q = in.qOf(head), .write = in.kOf(head)};
        Tensor g(1, 1, 1, 1);
        *g.data() = static_cast<float>(logDecayOf(params, in.headOfLayer(head), in.headsOfLayer()));
        f.logDecay = f.keep(std::move(g));
        return f;
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override
    {
        const double g = logDecayOf(params, in.headOfLayer(head), in.headsOfLayer());
        const Index offset = in.k.rows() - in.q.rows();
        const double unscaled = 1.0 / static_cast<double>(in.effectiveScale());
        DefinedMap map(in.q.rows(), in.k.rows());
        for (Index i = 0; i < map.rows; ++i)
            for (Index j = 0; j <= i + offset; ++j)
                map.at(i, j) = unscaled * definedLogit(in, head, i, j) * std::exp(g * static_cast<double>(i + offset - j));
        return map;
    }
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        return decayTheory(in, head, logDecayOf(params, in.headOfLayer(head), in.headsOfLayer()), "MiniMax-01 2025, section 2.2", context);
    }
};

const MethodInfo& Lightning::info() const
{
    static const MethodInfo info{
        .id = "lightning",
        .title = "Lightning Attention",
        .family = "recurrent",
        .summary = "Linear attention without softmax and without 1/√d, whose state decays at a rate fixed by head and layer.",
        .formula = "Mᵢⱼ = e^(−s(i−j)) qᵢ·kⱼ for j ≤ i;  minimax: s = 2^(−8(h+1)/H) (1 − ℓ/(L−1+10⁻⁵) + 10⁻⁵);  "
                   "fla: s = (8/H)(1 − ℓ/L) h",
        .assumes = "What a query needs is within the head's half-life, or the layer is a late one, which hardly decays.",
        .loses = "In early layers the first heads see a few tokens alone; late layers add up everything and tell near from far by "
                 "content alone.",
        .learned =
            "MiniMax-01 applies SiLU to its projections, and a norm and a gate after the sum; here the given q, k and v are taken as "
            "they are.",
        .reference = "MiniMax, MiniMax-01: Scaling Foundation Models with Lightning Attention, 2025, arXiv:2501.08313, section 2.2; "
                     "schedules as in its released code (minimax) and in flash-linear-attention (fla), where head 0 never decays",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = {{.key = "schedule",
                    .label = "Schedule of decays",
                    .kind = ParamKind::Choice,
                    .choices = {"minimax", "fla"},
                    .help = "minimax: rates fall geometrically with the head, as in the released model; fla: they grow linearly with the "
                            "head, from none in head 0, as in flash-linear-attention."},
                   {.key = "layer",
                    .label = "Layer",
                    .initial = 0,
                    .min = 0,
                    .max = 255,
                    .integer = true,
                    .help = "Which layer's decays to take, from 0; cut to the last one."},
                   {.key = "layers",
                    .label = "Layers in all",
                    .initial = 80,
                    .min = 1,
                    .max = 256,
                    .integer = true,
                    .help = "Decays fade out over this many layers; MiniMax-01 has 80."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> lightning() { return std::make_unique<Lightning>(); }

} // namespace attnscope::methods
