// SPDX-License-Identifier: GPL-3.0-or-later
// RG-LRU, the real-gated linear recurrent unit of Griffin: each channel an average of its past, without queries or keys.
#include "core/engine/channel_gate.h"
#include "core/engine/decay_envelope.h"
#include "core/engine/mixer_method.h"

#include <algorithm>
#include <cmath>

namespace attnscope::methods {

namespace {

constexpr double kHuge = 1e30;
const char* const kSource = "De et al. 2024, eq. 4";

/// The gates of one head, and the channels that its map stands for.
struct Gates {
    ChannelGate logDecay;
    ChannelGate input;
    std::vector<Index> channels;

    static Result<Gates> make(const Inputs& in, HeadRef head, const Params& params)
    {
        const auto logDecay = ChannelGate::make(in, head, {"g", params.number("g"), -kHuge, 0.0});
        if (!logDecay)
            return logDecay.error();
        const auto input = ChannelGate::make(in, head, {"beta", params.number("beta"), 0.0, kHuge});
        if (!input)
            return input.error();
        auto channels = shownChannels(in, params.integer("channel"), logDecay->byChannel() || input->byChannel());
        if (!channels)
            return channels.error();
        return Gates{*logDecay, *input, *std::move(channels)};
    }
};

class RgLru final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool causal) const override
    {
        const Cost each = MixerMethod::cost({s.batch, s.heads, s.queries, s.keys, 1, s.valueDim}, params, causal);
        const Cost all = MixerMethod::cost({s.batch, s.heads, s.queries, s.keys, s.valueDim, s.valueDim}, params, causal);
        return {each.flops, each.bytes, all.peakBytes};
    }
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext&) const override
    {
        const auto gates = Gates::make(in, head, params);
        if (!gates)
            return gates.error();
        if (gates->logDecay.constant())
            return std::vector{halfLifeCurve(params.number("g"), in.k.rows(), kSource)};
        const auto& channels = gates->channels;
        return decayEnvelope(
            in.k.rows(), static_cast<Index>(channels.size()),
            [&](Index t, Index c) { return gates->logDecay.at(t, channels[static_cast<std::size_t>(c)]); }, kSource);
    }
};

/// State channels are value channels: queries of 1 / channels read their mean.
Result<MixerFactors> RgLru::factors(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto gates = Gates::make(in, head, params);
    if (!gates)
        return gates.error();
    const auto width = static_cast<Index>(gates->channels.size());
    MixerFactors f{.tokens = in.k.rows(), .scale = 1.0F / static_cast<float>(width)};
    Tensor ones(1, 1, in.q.rows(), width);
    std::fill(ones.values().begin(), ones.values().end(), 1.0F);
    Tensor write(1, 1, in.k.rows(), width);
    Tensor decay(1, 1, in.k.rows(), width);
    for (Index t = 0; t < in.k.rows(); ++t)
        for (Index c = 0; c < width; ++c) {
            const Index channel = gates->channels[static_cast<std::size_t>(c)];
            const double g = gates->logDecay.at(t, channel);
            const bool whole = t == 0 && params.text("start") == "official";
            write.matrix()(t, c) = static_cast<float>((whole ? 1.0 : std::sqrt(-std::expm1(2.0 * g))) * gates->input.at(t, channel));
            decay.matrix()(t, c) = static_cast<float>(g);
        }
    f.q = f.keep(std::move(ones));
    f.write = f.keep(std::move(write));
    f.logDecay = f.keep(std::move(decay));
    return f;
}

/// Each channel's state as a row of weights, token by token.
Result<DefinedMap> RgLru::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto gates = Gates::make(in, head, params);
    if (!gates)
        return gates.error();
    DefinedMap map(in.q.rows(), in.k.rows());
    const Index offset = in.k.rows() - in.q.rows();
    for (const Index channel : gates->channels) {
        std::vector<double> h(static_cast<std::size_t>(in.k.rows()), 0.0);
        for (Index t = 0; t < in.k.rows(); ++t) {
            const double a = std::exp(gates->logDecay.at(t, channel));
            for (double& weight : h)
                weight *= a;
            const double written = t == 0 && params.text("start") == "official" ? 1.0 : std::sqrt(1.0 - a * a);
            h[static_cast<std::size_t>(t)] = written * gates->input.at(t, channel);
            for (Index j = 0; t >= offset && j <= t; ++j)
                map.at(t - offset, j) += h[static_cast<std::size_t>(j)] / static_cast<double>(gates->channels.size());
        }
    }
    return map;
}

const MethodInfo& RgLru::info() const
{
    static const MethodInfo info{
        .id = "rg-lru",
        .title = "RG-LRU (Griffin)",
        .family = "recurrent",
        .summary = "A gated average of each channel's past: no queries and no keys, gates alone decide what is kept.",
        .formula = "hᵢ = aᵢ ⊙ hᵢ₋₁ + √(1 − aᵢ²) ⊙ (βᵢ ⊙ vᵢ), aᵢ = e^gᵢ;  per channel Mᵢⱼ = e^(Gᵢ − Gⱼ) √(1 − aⱼ²) βⱼ for j ≤ i",
        .assumes = "What a channel needs of its past is an average over one time scale, opened and shut by the tokens themselves.",
        .loses = "Matching by content: all queries at a place see the same past, and the map doesn't depend on q and k at all.",
        .learned =
            "Gates are computed from each token by trained layers, g = −8 softplus(Λ) σ(W_a x) and β = σ(W_x x); here they are arrays "
            "\"g\" and \"beta\" of the input, [N] or [N, Dv], and where these are missing constants, a training-free variant.",
        .reference = "De et al., Griffin: Mixing Gated Linear Recurrences with Local Attention for Efficient Language Models, 2024, "
                     "arXiv:2402.19427, eq. 1 to 4",
        .timeGrowth = "n d",
        .memoryGrowth = "d",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = true,
        .positional = true,
        .params = {{.key = "g",
                    .label = "Log decay per token",
                    .initial = -0.0513,
                    .min = -20,
                    .max = 0,
                    .help = "Of all channels, where the input has no array g; −0.0513 is a = 0.95, within the 0.9 to 0.999 that training "
                            "starts from."},
                   {.key = "beta",
                    .label = "Input gate",
                    .initial = 1,
                    .min = 0,
                    .max = 1,
                    .help = "Of all tokens and channels, where the input has no array beta; 0 lets nothing in."},
                   {.key = "channel",
                    .label = "Channel",
                    .initial = 0,
                    .min = 0,
                    .max = 65536,
                    .integer = true,
                    .help =
                        "Every value channel has a map of its own where g or beta differ by channel: its number, from 1, shows that one "
                        "and mixes all values by it, so that this column of the output is the unit's own; 0 takes the mean of all maps."},
                   {.key = "start",
                    .label = "First token",
                    .kind = ParamKind::Choice,
                    .choices = {"paper", "official"},
                    .help = "paper: weighed by √(1 − a²) like all others, eq. 4; official: written whole, as published code does where "
                            "a sequence begins."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> rg_lru() { return std::make_unique<RgLru>(); }

} // namespace attnscope::methods
