// SPDX-License-Identifier: GPL-3.0-or-later
// HGRN2: gated linear attention whose keys are what its forget gates leave room for.
#include "core/engine/mixer_definition.h"
#include "core/engine/mixer_gates.h"
#include "core/engine/mixer_method.h"

#include <array>
#include <cmath>

namespace attnscope::methods {

namespace {

constexpr std::array<std::string_view, 2> kGateNames{"g", "gk"};
const GateRule kGate{.names = kGateNames, .least = -1e30, .most = 0.0, .channels = true};

bool hasGate(const Inputs& in, HeadRef head) { return in.array("g", head) || in.array("gk", head); }

/// log(1 / (1 + e^-x)) without overflow.
double logSigmoid(double x) { return x > 0.0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x)); }

/// The keys as forget gates' logits: log sigmoid(k).
Tensor gatesFromKeys(MatrixView<const float> k)
{
    Tensor g(1, 1, k.rows, k.cols);
    for (Index t = 0; t < k.rows; ++t)
        for (Index c = 0; c < k.cols; ++c)
            g.matrix()(t, c) = static_cast<float>(logSigmoid(static_cast<double>(k(t, c))));
    return g;
}

class Hgrn2 final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override
    {
        MixerFactors f{.tokens = in.k.rows(), .q = in.qOf(head), .scale = in.effectiveScale()};
        if (params.text("gate") == "keys" && !hasGate(in, head))
            f.logDecay = f.keep(gatesFromKeys(in.kOf(head)));
        else {
            const auto g = gateRows(in, head, kGate, params.number("g"), f);
            if (!g)
                return g.error();
            f.logDecay = *g;
        }
        const auto g = f.logDecay;
        Tensor k(1, 1, g.rows, in.k.cols());
        for (Index t = 0; t < g.rows; ++t)
            for (Index c = 0; c < k.cols(); ++c)
                k.matrix()(t, c) = static_cast<float>(-std::expm1(static_cast<double>(g(t, g.cols == 1 ? 0 : c))));
        f.write = f.keep(std::move(k));
        return f;
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override
    {
        const bool fromKeys = params.text("gate") == "keys" && !hasGate(in, head);
        std::vector<DefinedToken> tokens(static_cast<std::size_t>(in.k.rows()));
        for (Index t = 0; t < in.k.rows(); ++t)
            for (Index c = 0; c < in.k.cols(); ++c) {
                auto& token = tokens[static_cast<std::size_t>(t)];
                token.decay.push_back(fromKeys ? 1.0 / (1.0 + std::exp(-static_cast<double>(in.kOf(head)(t, c))))
                                               : std::exp(definedGate(in, head, kGate, params.number("g"), t, c)));
                token.write.push_back(1.0 - token.decay.back());
            }
        const auto query = [&](Index i) { return definedRow(in.qOf(head).rowSpan(i), static_cast<double>(in.effectiveScale())); };
        return definedMixer(in.q.rows(), tokens, {.query = query});
    }
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext&) const override
    {
        if (hasGate(in, head) || params.text("gate") == "keys")
            return std::vector<TheoryCurve>{};
        return std::vector{halfLifeCurve(params.number("g"), in.k.rows(), "Qin et al. 2024, eq. 5")};
    }
};

const MethodInfo& Hgrn2::info() const
{
    static const MethodInfo info{
        .id = "hgrn2",
        .title = "HGRN2",
        .family = "recurrent",
        .summary = "Gated linear attention without keys: a token writes into a channel just as much as its gate lets that channel forget.",
        .formula = "Sᵢ = diag(fᵢ) Sᵢ₋₁ + (1 − fᵢ) vᵢᵀ, f = e^g;  Mᵢⱼ = d^(−1/2) Σ_c q_ic (1 − f_jc) e^(G_ic − G_jc) for j ≤ i",
        .assumes = "What matters is when a token came and how much its gates opened, not how its key matches the query.",
        .loses = "Matching by content: queries choose among time scales, so tokens with equal gates can't be told apart.",
        .learned = "The gates are learned; here they are the input's array g (or gk), else made from a constant (content-free HGRN2) or "
                   "from the keys taken as logits of the gates.",
        .reference =
            "Qin, Yang, Sun, Shen, Li, Sun, Zhong, HGRN2: Gated Linear RNNs with State Expansion, COLM 2024, arXiv:2404.07904, eq. 5",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = {{.key = "gate",
                    .label = "Gates",
                    .kind = ParamKind::Choice,
                    .choices = {"constant", "keys"},
                    .help = "Where the input has no array g: constant: the same for all tokens, so that no content enters; keys: "
                            "f = sigmoid(k), the given keys taken as logits of the forget gates."},
                   {.key = "g",
                    .label = "Log decay per token",
                    .initial = -0.0433,
                    .min = -20,
                    .max = 0,
                    .help = "Of all channels, where the gates are constant; −0.0433 halves the state every 16 tokens."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> hgrn2() { return std::make_unique<Hgrn2>(); }

} // namespace attnscope::methods
