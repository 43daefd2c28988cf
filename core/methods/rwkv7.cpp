// SPDX-License-Identifier: GPL-3.0-or-later
// RWKV-7: a state with decays per channel that each token corrects along a direction of its own.
#include "core/engine/mixer_definition.h"
#include "core/engine/mixer_gates.h"
#include "core/engine/mixer_method.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace attnscope::methods {

namespace {

constexpr std::array<std::string_view, 2> kDecayNames{"w", "g"};
constexpr std::array<std::string_view, 1> kRateNames{"a"};
constexpr std::array<std::string_view, 1> kBonusNames{"u"};
const GateRule kDecay{.names = kDecayNames, .least = -1e30, .most = 0.0, .channels = true};
const GateRule kRate{.names = kRateNames, .least = 0.0, .most = 1.0, .channels = true};
const GateRule kBonus{.names = kBonusNames, .least = -1e30, .most = 1e30, .channels = true};

class Rwkv7 final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        const bool given = in.array("w", head) || in.array("g", head);
        return decayTheory(in, head, given ? std::optional<double>() : params.number("g"), "decay e^(g d) of a state that nothing corrects",
                           context);
    }

protected:
    Erasure erasure() const override { return Erasure::Free; }
};

/// The removal key: the input's kappa, or the keys; of length 1.
MatrixView<const float> removalKeys(const Inputs& in, HeadRef head) { return in.array("kappa", head).value_or(in.kOf(head)); }

Result<MixerFactors> Rwkv7::factors(const Inputs& in, HeadRef head, const Params& params) const
{
    MixerFactors f{.tokens = in.k.rows(), .q = in.qOf(head), .write = in.kOf(head), .erasesUndecayed = true};
    const auto w = gateRows(in, head, kDecay, params.number("g"), f);
    const auto a = gateRows(in, head, kRate, params.number("a"), f);
    const auto u = gateRows(in, head, kBonus, params.number("u"), f);
    if (!w || !a || !u)
        return !w ? w.error() : !a ? a.error() : u.error();
    const auto removal = removalKeys(in, head);
    if (removal.rows != f.tokens || removal.cols != f.width())
        return Error{Errc::InvalidShape,
                     "The array \"kappa\" is " + std::to_string(removal.rows) + " x " + std::to_string(removal.cols) +
                         ", but the keys are " + std::to_string(f.tokens) + " x " + std::to_string(f.width()) + ".",
                     "Give one removal key per token, as wide as the keys."};
    f.logDecay = *w;
    Tensor inverse = inverseLengths(removal);
    f.erase = removal;
    if (a->cols == 1) {
        Tensor rates(1, 1, f.tokens, 1);
        for (Index t = 0; t < f.tokens; ++t)
            rates.data()[t] = -*tokenRow(*a, t) * inverse.data()[t];
        f.correct = removal;
        f.correctStrength = f.keep(std::move(rates));
    } else {
        Tensor correct(1, 1, f.tokens, f.width());
        for (Index t = 0; t < f.tokens; ++t)
            std::transform(removal.row(t), removal.row(t) + f.width(), tokenRow(*a, t), correct.matrix().row(t),
                           [length = inverse.data()[t]](float x, float r) { return -x * length * r; });
        f.correct = f.keep(std::move(correct));
    }
    f.eraseStrength = f.keep(std::move(inverse));
    f.bonus = ownBonus(*u, f);
    return f;
}

Result<DefinedMap> Rwkv7::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const Index offset = in.k.rows() - in.q.rows();
    std::vector<DefinedToken> tokens(static_cast<std::size_t>(in.k.rows()));
    for (Index t = 0; t < in.k.rows(); ++t) {
        auto& token = tokens[static_cast<std::size_t>(t)];
        token.write = definedRow(in.kOf(head).rowSpan(t));
        const auto kappa = definedUnit(removalKeys(in, head).rowSpan(t));
        for (Index c = 0; c < in.k.cols(); ++c) {
            const double along = kappa[static_cast<std::size_t>(c)];
            token.decay.push_back(std::exp(definedGate(in, head, kDecay, params.number("g"), t, c)));
            token.erase.push_back(-along);
            token.correct.push_back(along * definedGate(in, head, kRate, params.number("a"), t, c));
        }
    }
    const auto query = [&](Index i) { return definedRow(in.qOf(head).rowSpan(i)); };
    const auto own = [&](Index i) {
        double sum = 0.0;
        for (Index c = 0; c < in.k.cols(); ++c)
            sum += static_cast<double>(in.qOf(head)(i, c)) * static_cast<double>(in.kOf(head)(i + offset, c)) *
                   (1.0 + definedGate(in, head, kBonus, params.number("u"), i + offset, c));
        return sum;
    };
    return definedMixer(in.q.rows(), tokens, {.query = query, .own = own});
}

const MethodInfo& Rwkv7::info() const
{
    static const MethodInfo info{
        .id = "rwkv7",
        .title = "RWKV-7 (Goose)",
        .family = "recurrent",
        .summary =
            "A state with decays per channel from which each token takes out, at a rate per channel, what lies along its removal key "
            "before it writes.",
        .formula = "Sᵢ = (diag(e^wᵢ) − (aᵢ ⊙ κᵢ) κᵢᵀ) Sᵢ₋₁ + kᵢ vᵢᵀ,  oᵢ = Sᵢᵀ rᵢ + (rᵢ·(u ⊙ kᵢ)) vᵢ,  |κᵢ| = 1;  the correction reads "
                   "the state before its decay",
        .assumes = "What must be replaced lies along removal keys, and gates know what may be forgotten.",
        .loses =
            "What gates and removal keys took out, and values of similar keys, which mix; keys are not normalised as they are written.",
        .learned = "Decays (between 0.545 and 1), rates a, removal keys κ, the bonus u and a value residual are learned; here they are the "
                   "input's arrays w (or g), a, kappa and u, or constants with κ = k/|k|; the value residual is left out.",
        .reference = "Peng et al., RWKV-7 \"Goose\" with Expressive Dynamic State Evolution, 2025, arXiv:2503.14456, eq. 16 to 18, and its "
                     "layer in flash-linear-attention",
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
                    .help = "Of all channels, where the input has no array w or g [N, K]; the trained model stays between −0.6065 and 0."},
                   {.key = "a",
                    .label = "Correction rate a",
                    .initial = 0.5,
                    .min = 0,
                    .max = 1,
                    .help =
                        "How much of what the state held along the removal key is taken out, where the input has no array a; 0 is gated "
                        "linear attention."},
                   {.key = "u",
                    .label = "Bonus of the own token",
                    .initial = 0,
                    .min = -100,
                    .max = 100,
                    .help = "An extra weight of a token's own key in all channels, where the input has no array u; called r_k in code."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> rwkv7() { return std::make_unique<Rwkv7>(); }

} // namespace attnscope::methods
