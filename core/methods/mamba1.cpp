// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba's selective scan (S6): state channels that decay at rates of their own, by steps that each token chooses.
#include "core/engine/channel_gate.h"
#include "core/engine/decay_envelope.h"
#include "core/engine/mixer_method.h"
#include "core/engine/state_space.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace attnscope::methods {

namespace {

constexpr double kHuge = 1e30;

/// Rates of decay A [channel, state] of one head.
class Rates {
public:
    static Result<Rates> make(const Inputs& in, HeadRef head, Index states, double constant)
    {
        const auto a = in.array("A", head);
        if (!a)
            return Rates{std::nullopt, constant, states};
        if (a->rows != 1 || (a->cols != 1 && a->cols != states && a->cols != states * in.v.cols()))
            return Error{
                Errc::InvalidShape,
                "The array \"A\" has " + std::to_string(a->rows) + " rows of " + std::to_string(a->cols) + " numbers, but there are " +
                    std::to_string(states) + " states in each of " + std::to_string(in.v.cols()) + " channels.",
                "Give one row with a rate for all, for each state (the columns of B, or of k), or for each channel of v and state, "
                "channel by channel."};
        for (const float x : a->rowSpan(0))
            if (!(x <= 0.0F))
                return Error{Errc::InvalidParam, "The array \"A\" holds a rate that isn't negative.",
                             "Give A itself rather than its logarithm: A = −exp(A_log)."};
        return Rates{a, 0.0, states};
    }

    double at(Index channel, Index state) const
    {
        if (!m_array)
            return m_constant * static_cast<double>(state + 1);
        const Index cols = m_array->cols;
        return static_cast<double>((*m_array)(0, cols == 1 ? 0 : cols == m_states ? state : channel * m_states + state));
    }
    bool byChannel() const { return m_array && m_array->cols > m_states; }

private:
    Rates(std::optional<MatrixView<const float>> array, double constant, Index states)
        : m_array(array), m_constant(constant), m_states(states)
    {
    }

    std::optional<MatrixView<const float>> m_array;
    double m_constant;
    Index m_states;
};

/// What one head scans with, and the channels that its map stands for.
struct Scan {
    StateSpaceRows rows; ///< C and B
    ChannelGate step;
    ChannelGate skip; ///< D
    Rates rates;
    std::vector<Index> channels;

    static Result<Scan> make(const Inputs& in, HeadRef head, const Params& params)
    {
        const auto rows = stateSpaceRows(in, head, true);
        if (!rows)
            return rows.error();
        const auto step = ChannelGate::make(in, head, {"dt", params.number("dt"), 0.0, kHuge});
        if (!step)
            return step.error();
        const auto skip = ChannelGate::make(in, head, {"D", params.number("D"), -kHuge, kHuge});
        if (!skip)
            return skip.error();
        const auto rates = Rates::make(in, head, rows->writes.cols, params.number("A"));
        if (!rates)
            return rates.error();
        auto channels = shownChannels(in, params.integer("channel"), step->byChannel() || skip->byChannel() || rates->byChannel());
        if (!channels)
            return channels.error();
        return Scan{*rows, *step, *skip, *rates, *std::move(channels)};
    }

    double meanSkip(Index token) const
    {
        double sum = 0.0;
        for (const Index channel : channels)
            sum += skip.at(token, channel);
        return sum / static_cast<double>(channels.size());
    }
};

class Mamba1 final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;
};

/// The channels' states side by side: their mean is one state of that width, read by the query once for each channel.
Result<MixerFactors> Mamba1::factors(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto scan = Scan::make(in, head, params);
    if (!scan)
        return scan.error();
    const auto channels = static_cast<Index>(scan->channels.size());
    const Index states = scan->rows.writes.cols;
    MixerFactors f{.tokens = in.k.rows(), .scale = 1.0F / static_cast<float>(channels)};
    Tensor read(1, 1, in.q.rows(), channels * states);
    Tensor write(1, 1, in.k.rows(), channels * states);
    Tensor decay(1, 1, in.k.rows(), channels * states);
    for (Index c = 0; c < channels; ++c) {
        const Index channel = scan->channels[static_cast<std::size_t>(c)];
        for (Index i = 0; i < in.q.rows(); ++i)
            std::copy_n(scan->rows.reads.row(i), states, read.matrix().row(i) + c * states);
        for (Index t = 0; t < in.k.rows(); ++t) {
            const double step = scan->step.at(t, channel);
            for (Index s = 0; s < states; ++s) {
                write.matrix()(t, c * states + s) = static_cast<float>(step * static_cast<double>(scan->rows.writes(t, s)));
                decay.matrix()(t, c * states + s) = static_cast<float>(step * scan->rates.at(channel, s));
            }
        }
    }
    f.q = f.keep(std::move(read));
    f.write = f.keep(std::move(write));
    f.logDecay = f.keep(std::move(decay));
    if (!scan->skip.constant() || params.number("D") != 0.0)
        for (Index i = 0; i < in.q.rows(); ++i)
            f.own.push_back(static_cast<float>(scan->meanSkip(i + f.offset())));
    return f;
}

/// Eq. 2 with the sums of steps written out.
Result<DefinedMap> Mamba1::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto scan = Scan::make(in, head, params);
    if (!scan)
        return scan.error();
    DefinedMap map(in.q.rows(), in.k.rows());
    const Index offset = in.k.rows() - in.q.rows();
    const double share = 1.0 / static_cast<double>(scan->channels.size());
    for (const Index channel : scan->channels)
        for (Index i = 0; i < in.q.rows(); ++i) {
            double steps = 0.0;
            map.at(i, i + offset) += share * scan->skip.at(i + offset, channel);
            for (Index j = i + offset; j >= 0; --j) {
                double sum = 0.0;
                for (Index s = 0; s < scan->rows.writes.cols; ++s)
                    sum += static_cast<double>(scan->rows.reads(i, s)) * static_cast<double>(scan->rows.writes(j, s)) *
                           std::exp(steps * scan->rates.at(channel, s));
                map.at(i, j) += share * scan->step.at(j, channel) * sum;
                steps += scan->step.at(j, channel);
            }
        }
    return map;
}

Result<std::vector<TheoryCurve>> Mamba1::theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    const auto scan = Scan::make(in, head, params);
    if (!scan)
        return scan.error();
    const Index states = scan->rows.writes.cols;
    const auto logDecay = [&](Index t, Index c) {
        const Index channel = scan->channels[static_cast<std::size_t>(c / states)];
        return scan->step.at(t, channel) * scan->rates.at(channel, c % states);
    };
    auto curves = decayEnvelope(in.k.rows(), static_cast<Index>(scan->channels.size()) * states, logDecay, "Gu, Dao 2023, eq. 2");
    auto capacity = capacityCurve(in, head, {}, context);
    if (!capacity)
        return capacity.error();
    curves.push_back(*std::move(capacity));
    return curves;
}

const MethodInfo& Mamba1::info() const
{
    static const MethodInfo info{
        .id = "mamba1",
        .title = "Mamba (S6)",
        .family = "recurrent",
        .summary =
            "A state space model whose steps, writes and reads depend on the token: each channel keeps K states that decay at rates of "
            "their own.",
        .formula =
            "hᵢ = e^(Δᵢ A) ⊙ hᵢ₋₁ + Δᵢ Bᵢ vᵢ, oᵢ = Cᵢ·hᵢ + D vᵢ;  per channel Mᵢⱼ = Δⱼ Σ_s C_is B_js e^(A_s (Δⱼ₊₁ + … + Δᵢ)) for j ≤ i",
        .assumes = "A few time scales hold what matters; large steps mark tokens that are worth keeping.",
        .loses = "Steps that write also forget; old tokens fade at fixed rates of their states, and scores may be negative.",
        .learned = "Δ, B, C and A are learned; here they are arrays \"dt\", \"B\", \"C\" and \"A\" of the input, and where these are "
                   "missing k, q and constants, a training-free variant that one map serves. Convolution and output gate are not part of "
                   "the map.",
        .reference = "Gu, Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces, COLM 2024, arXiv:2312.00752, eq. 2 and "
                     "algorithm 2",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = {{.key = "dt",
                    .label = "Step Δ",
                    .initial = 0.1,
                    .min = 0,
                    .max = 100,
                    .help =
                        "Of every token, where the input has no array dt, [N] or [N, Dv] after its softplus; training starts from 0.001 "
                        "to 0.1."},
                   {.key = "A",
                    .label = "Rate of the first state",
                    .initial = -1,
                    .min = -100,
                    .max = 0,
                    .help = "State s decays at s times this rate, where the input has no array A, [1], [1, K] or [1, Dv K] channel by "
                            "channel; −1 is where training starts."},
                   {.key = "D",
                    .label = "Own weight D",
                    .initial = 0,
                    .min = -100,
                    .max = 100,
                    .help = "Added to the diagonal where the input has no array D; training starts from 1."},
                   {.key = "channel",
                    .label = "Channel",
                    .initial = 0,
                    .min = 0,
                    .max = 65536,
                    .integer = true,
                    .help =
                        "Every value channel has a map of its own where dt, A or D differ by channel: its number, from 1, shows that one "
                        "and mixes all values by it, so that this column of the output is the model's own; 0 takes the mean of all maps, "
                        "signs kept."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> mamba1() { return std::make_unique<Mamba1>(); }

} // namespace attnscope::methods
