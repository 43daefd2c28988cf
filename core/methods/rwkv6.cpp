// SPDX-License-Identifier: GPL-3.0-or-later
// RWKV-6: gated linear attention that reads the state before its own token, which gets a bonus of its own.
#include "core/engine/mixer_definition.h"
#include "core/engine/mixer_gates.h"
#include "core/engine/mixer_method.h"

#include <array>
#include <cmath>

namespace attnscope::methods {

namespace {

constexpr std::array<std::string_view, 2> kDecayNames{"w", "g"};
constexpr std::array<std::string_view, 1> kBonusNames{"u"};
const GateRule kDecay{.names = kDecayNames, .least = -1e30, .most = 0.0, .channels = true};
const GateRule kBonus{.names = kBonusNames, .least = -1e30, .most = 1e30, .channels = true};

class Rwkv6 final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        const bool given = in.array("w", head) || in.array("g", head);
        return decayTheory(in, head, given ? std::optional<double>() : params.number("g"), "Peng et al. 2024, eq. 18", context);
    }
};

Result<MixerFactors> Rwkv6::factors(const Inputs& in, HeadRef head, const Params& params) const
{
    MixerFactors f{.tokens = in.k.rows(), .q = in.qOf(head), .write = in.kOf(head), .readsUndecayed = true};
    const auto w = gateRows(in, head, kDecay, params.number("g"), f);
    const auto u = gateRows(in, head, kBonus, params.number("u"), f);
    if (!w || !u)
        return w ? u.error() : w.error();
    f.logDecay = *w;
    f.bonus = ownBonus(*u, f);
    return f;
}

Result<DefinedMap> Rwkv6::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const Index offset = in.k.rows() - in.q.rows();
    std::vector<DefinedToken> tokens(static_cast<std::size_t>(in.k.rows()));
    for (Index t = 0; t < in.k.rows(); ++t) {
        auto& token = tokens[static_cast<std::size_t>(t)];
        token.write = definedRow(in.kOf(head).rowSpan(t));
        for (Index c = 0; c < in.k.cols(); ++c)
            token.decay.push_back(std::exp(definedGate(in, head, kDecay, params.number("g"), t, c)));
    }
    const auto query = [&](Index i) { return definedRow(in.qOf(head).rowSpan(i)); };
    const auto own = [&](Index i) {
        double sum = 0.0;
        for (Index c = 0; c < in.k.cols(); ++c)
            sum += static_cast<double>(in.qOf(head)(i, c)) * static_cast<double>(in.kOf(head)(i + offset, c)) *
                   definedGate(in, head, kBonus, params.number("u"), i + offset, c);
        return sum;
    };
    return definedMixer(in.q.rows(), tokens, {.query = query, .previous = true, .own = own});
}

const MethodInfo& Rwkv6::info() const
{
    static const MethodInfo info{
        .id = "rwkv6",
        .title = "RWKV-6 (Finch)",
        .family = "recurrent",
        .summary = "Linear attention with a decay per channel and token that reads the state of the tokens before, and its own token by "
                   "a bonus instead.",
        .formula = "oᵢ = (Sᵢ₋₁ + diag(u) kᵢ vᵢᵀ)ᵀ rᵢ,  Sᵢ = diag(e^wᵢ) Sᵢ₋₁ + kᵢ vᵢᵀ;  Mᵢⱼ = Σ_c r_ic k_jc e^(W_(i−1)c − W_jc) for j < i, "
                   "Mᵢᵢ = Σ_c r_ic u_c k_ic",
        .assumes = "Gates know what may be forgotten; a token's own share is better set apart from that of the past.",
        .loses = "What a gate erased is gone for all later queries; scores are not sharpened and may be negative.",
        .learned = "Decays and the bonus u are learned, and tokens are mixed with their predecessors before; here they are the input's "
                   "arrays w (or g) and u, or constants.",
        .reference = "Peng et al., Eagle and Finch: RWKV with Matrix-Valued States and Dynamic Recurrence, 2024, arXiv:2404.05892, eq. 18 "
                     "and 19",
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
                    .help = "Of all channels, where the input has no array w or g [N, K]; −0.0433 halves the state every 16 tokens."},
                   {.key = "u",
                    .label = "Bonus of the own token",
                    .initial = 1,
                    .min = -100,
                    .max = 100,
                    .help = "The weight of a token's own key in all channels, where the input has no array u; 0 makes a token blind to "
                            "itself."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> rwkv6() { return std::make_unique<Rwkv6>(); }

} // namespace attnscope::methods
