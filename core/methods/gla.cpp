// SPDX-License-Identifier: GPL-3.0-or-later
// Gated Linear Attention: a decay of its own for each key channel and token.
#include "core/engine/mixer_definition.h"
#include "core/engine/mixer_gates.h"
#include "core/engine/mixer_method.h"

#include <array>
#include <cmath>

namespace attnscope::methods {

namespace {

constexpr std::array<std::string_view, 2> kGateNames{"g", "gk"};
const GateRule kGate{.names = kGateNames, .least = -1e30, .most = 0.0, .channels = true};

class Gla final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override
    {
        MixerFactors f{.tokens = in.k.rows(), .q = in.qOf(head), .write = in.kOf(head), .scale = in.effectiveScale()};
        const auto g = gateRows(in, head, kGate, params.number("g"), f);
        if (!g)
            return g.error();
        f.logDecay = *g;
        return f;
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override
    {
        std::vector<DefinedToken> tokens(static_cast<std::size_t>(in.k.rows()));
        for (Index t = 0; t < in.k.rows(); ++t) {
            auto& token = tokens[static_cast<std::size_t>(t)];
            token.write = definedRow(in.kOf(head).rowSpan(t));
            for (Index c = 0; c < in.k.cols(); ++c)
                token.decay.push_back(std::exp(definedGate(in, head, kGate, params.number("g"), t, c)));
        }
        const auto query = [&](Index i) { return definedRow(in.qOf(head).rowSpan(i), static_cast<double>(in.effectiveScale())); };
        return definedMixer(in.q.rows(), tokens, {.query = query});
    }
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        const bool given = in.array("g", head) || in.array("gk", head);
        return decayTheory(in, head, given ? std::optional<double>() : params.number("g"), "Yang et al. 2024, eq. 3", context);
    }
};

const MethodInfo& Gla::info() const
{
    static const MethodInfo info{
        .id = "gla",
        .title = "Gated Linear Attention",
        .family = "recurrent",
        .summary = "Linear attention whose state forgets by channel: each token says how much of each key channel survives it.",
        .formula = "Mᵢⱼ = d^(−1/2) Σ_c q_ic k_jc e^(G_ic − G_jc) for j ≤ i, G_ic = Σ_{t≤i} g_tc;  Sᵢ = diag(e^gᵢ) Sᵢ₋₁ + kᵢ vᵢᵀ",
        .assumes = "Gates know what may be forgotten, and what is kept points in directions of its own.",
        .loses = "What a gate erased is gone for all later queries; scores are not sharpened and may be negative.",
        .learned = "The gates are learned, log sigmoid(W₂W₁x)/16; here they are the input's array g (or gk), else one constant for all, "
                   "whose default is their value at x = 0.",
        .reference = "Yang, Wang, Shen, Panda, Kim, Gated Linear Attention Transformers with Hardware-Efficient Training, ICML 2024, "
                     "arXiv:2312.06635, eq. 3 and 4",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = {{.key = "g",
                    .label = "Log decay per token",
                    .initial = -0.0433,
                    .min = -20,
                    .max = 0,
                    .help = "Of all channels, where the input has no array g [N] or [N, K]; −0.0433 halves the state every 16 tokens, 0 "
                            "keeps everything."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> gla() { return std::make_unique<Gla>(); }

} // namespace attnscope::methods
