// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/delta_method.h"

#include "core/compute/mixer_ops.h"
#include "core/engine/mixer_definition.h"
#include "core/engine/mixer_gates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <sstream>

namespace attnscope {

namespace {

constexpr std::array<std::string_view, 1> kBetaNames{"beta"};
constexpr std::array<std::string_view, 2> kDecayNames{"g", "gk"};
const GateRule kBeta{.names = kBetaNames, .least = 0.0, .most = 2.0};

GateRule decayRule(bool channels)
{
    return {.names = std::span(kDecayNames).first(channels ? 2 : 1), .least = -1e30, .most = 0.0, .channels = channels};
}

bool normalises(const Params& params, const char* key) { return params.text(key) == "on"; }

/// I - beta k kᵀ stretches no direction as long as beta |k|² is at most 2.
Result<void> checkLengths(const MixerFactors& f)
{
    std::vector<double> squares(static_cast<std::size_t>(f.write.rows));
    rowSquares64(f.write, squares);
    double worst = 0.0;
    for (Index t = 0; t < f.tokens; ++t)
        worst =
            std::max(worst, squares[static_cast<std::size_t>(f.write.rows == 1 ? 0 : t)] * static_cast<double>(*tokenRow(f.strength, t)));
    if (worst <= 2.0 + 1e-4)
        return {};
    std::ostringstream number;
    number << std::setprecision(3) << worst;
    return Error{Errc::InvalidParam,
                 "The keys are too long for a delta rule: beta |k|² reaches " + number.str() +
                     ", and above 2 the state grows at every step instead of correcting itself.",
                 "Switch normalize-keys on, lower beta, or give keys that were normalised already."};
}

} // namespace

Result<MixerFactors> DeltaMethod::factors(const Inputs& in, HeadRef head, const Params& params) const
{
    MixerFactors f{.tokens = in.k.rows(), .q = in.qOf(head), .write = in.kOf(head), .scale = in.effectiveScale()};
    if (normalises(params, "normalize-queries"))
        f.q = f.keep(unitRows(f.q));
    f.erase = f.write;
    const auto beta = gateRows(in, head, kBeta, params.number("beta"), f);
    if (!beta)
        return beta.error();
    f.strength = *beta;
    if (normalises(params, "normalize-keys")) { // as strengths of the keys, which then need no second copy
        Tensor inverse = inverseLengths(f.write);
        Tensor strength(1, 1, f.tokens, 1);
        for (Index t = 0; t < f.tokens; ++t)
            strength.data()[t] = *tokenRow(*beta, t) * inverse.data()[t];
        f.strength = f.keep(std::move(strength));
        f.eraseStrength = f.keep(std::move(inverse));
    }
    if (auto stable = normalises(params, "normalize-keys") ? Result<void>() : checkLengths(f); !stable) // beta is at most 2
        return stable.error();
    if (decay() == Decay::None)
        return f;
    const auto g = gateRows(in, head, decayRule(decay() == Decay::Channel), params.number("g"), f);
    if (!g)
        return g.error();
    f.logDecay = *g;
    return f;
}

Result<DefinedMap> DeltaMethod::define(const Inputs& in, HeadRef head, const Params& params) const
{
    std::vector<DefinedToken> tokens(static_cast<std::size_t>(in.k.rows()));
    for (Index t = 0; t < in.k.rows(); ++t) {
        auto& token = tokens[static_cast<std::size_t>(t)];
        const auto row = in.kOf(head).rowSpan(t);
        const auto key = normalises(params, "normalize-keys") ? definedUnit(row) : definedRow(row);
        const double beta = definedGate(in, head, kBeta, params.number("beta"), t);
        for (std::size_t c = 0; c < key.size(); ++c) {
            token.write.push_back(beta * key[c]);
            token.correct.push_back(-beta * key[c]);
            token.decay.push_back(decay() == Decay::None ? 1.0
                                                         : std::exp(definedGate(in, head, decayRule(decay() == Decay::Channel),
                                                                                params.number("g"), t, static_cast<Index>(c))));
            token.erase.push_back(token.decay.back() * key[c]);
        }
    }
    const auto scale = static_cast<double>(in.effectiveScale());
    const auto query = [&](Index i) {
        auto row = normalises(params, "normalize-queries") ? definedUnit(in.qOf(head).rowSpan(i)) : definedRow(in.qOf(head).rowSpan(i));
        std::transform(row.begin(), row.end(), row.begin(), [scale](double x) { return scale * x; });
        return row;
    };
    return definedMixer(in.q.rows(), tokens, {.query = query});
}

Result<std::vector<TheoryCurve>> DeltaMethod::theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    const bool constant = decay() != Decay::None && !in.array("g", head) && !in.array("gk", head);
    return decayTheory(in, head, constant ? params.number("g") : std::optional<double>(), "decay of a state that nothing overwrites",
                       context, in.array("beta", head) ? 1.0 : params.number("beta"));
}

std::vector<ParamSpec> DeltaMethod::deltaParams(Decay decay)
{
    std::vector<ParamSpec> specs{
        {.key = "beta",
         .label = "Writing strength β",
         .initial = 0.5,
         .min = 0,
         .max = 2,
         .help = "How much of what the state held at a key is replaced, where the input has no array beta [N]: 1 overwrites, 0 writes "
                 "nothing, 0.5 is sigmoid(0); above 1 the old value turns negative."},
        {.key = "normalize-keys",
         .label = "Keys of length 1",
         .kind = ParamKind::Choice,
         .choices = {"on", "off"},
         .help = "on: keys over their lengths, as the published layers do; off: keys as they are, refused where β|k|² exceeds 2, for the "
                 "state would grow without bound."},
        {.key = "normalize-queries",
         .label = "Queries of length 1",
         .kind = ParamKind::Choice,
         .choices = {"off", "on"},
         .help = "on: queries over their lengths, as the published layers do; off: as they are, which scales rows alone."}};
    if (decay != Decay::None)
        specs.push_back({.key = "g",
                         .label = "Log decay per token",
                         .initial = -0.0433,
                         .min = -20,
                         .max = 0,
                         .help = std::string("Where the input has no array g ") + (decay == Decay::Token ? "[N]" : "[N] or [N, K]") +
                                 "; −0.0433 halves the state every 16 tokens, 0 keeps everything."});
    return specs;
}

} // namespace attnscope
