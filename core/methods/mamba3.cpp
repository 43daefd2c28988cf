// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba-3, with one input and output or several: rotated keys and queries, and a trapezoidal rule that writes each token twice.
#include "core/engine/mimo.h"
#include "core/engine/mixer_definition.h"
#include "core/engine/mixer_gates.h"
#include "core/engine/mixer_method.h"
#include "core/engine/state_space.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace attnscope::methods {

namespace {

constexpr std::array<std::string_view, 2> kShareNames{"trap", "lambda"};
const GateRule kShare{.names = kShareNames, .least = 0.0, .most = 1.0};

/// Rates of rotation, [M or 1, S] of the input; none: the parameter `theta` for all pairs.
Result<MixerFactors::Rows> rotationRates(const Inputs& in, HeadRef head, const Params& params, Index width, MixerFactors& into)
{
    const auto theta = in.array("theta", head);
    if (!theta) {
        Tensor made(1, 1, 1, std::max<Index>(1, width / 2));
        std::fill(made.values().begin(), made.values().end(), static_cast<float>(params.number("theta")));
        return into.keep(std::move(made));
    }
    if ((theta->rows != 1 && theta->rows != in.k.rows()) || 2 * theta->cols > width)
        return Error{Errc::InvalidShape,
                     "The array \"theta\" is " + std::to_string(theta->rows) + " x " + std::to_string(theta->cols) + ", but there are " +
                         std::to_string(in.k.rows()) + " keys of " + std::to_string(width / 2) + " pairs of channels.",
                     "Give one rate for each of the first pairs of channels, per token or once for all."};
    return *theta;
}

/// Which channels of a rank turn together: pair c is (2 c, 2 c + 1), or (c, c + width / 2).
struct Pairs {
    Index width = 0; ///< of one rank
    bool halves = false;

    Index first(Index c) const { return halves ? c : 2 * c; }
    Index second(Index c) const { return halves ? c + width / 2 : 2 * c + 1; }
    bool has(Index c) const { return c < width / 2; }
};

Pairs pairsOf(Index width, const Params& params) { return {width, params.text("pairs") == "halves"}; }

/// Row r of x, whose token is r + offset, turned by the angles that have added up by then, rank by rank.
Tensor rotated(MatrixView<const float> x, Index offset, const Pairs& pairs, MixerFactors::Rows rates, MixerFactors::Rows steps)
{
    Tensor made(1, 1, x.rows, x.cols);
    std::vector<double> angles(static_cast<std::size_t>(rates.cols), 0.0);
    for (Index t = 0; t < x.rows + offset; ++t) {
        for (Index c = 0; c < rates.cols; ++c)
            angles[static_cast<std::size_t>(c)] += static_cast<double>(tokenRow(rates, t)[c]) * static_cast<double>(*tokenRow(steps, t));
        if (t < offset)
            continue;
        const float* from = x.row(t - offset);
        float* to = made.matrix().row(t - offset);
        std::copy_n(from, x.cols, to);
        for (Index c = 0; c < rates.cols && pairs.has(c); ++c) {
            const double cosine = std::cos(angles[static_cast<std::size_t>(c)]);
            const double sine = std::sin(angles[static_cast<std::size_t>(c)]);
            for (Index rank = 0; rank < x.cols; rank += pairs.width) {
                const double a = from[rank + pairs.first(c)];
                const double b = from[rank + pairs.second(c)];
                to[rank + pairs.first(c)] = static_cast<float>(a * cosine - b * sine);
                to[rank + pairs.second(c)] = static_cast<float>(a * sine + b * cosine);
            }
        }
    }
    return made;
}

/// q . R(angles) k of one rank each, as the sum over pairs and over the channels that don't turn.
double turnedProduct(const float* q, const float* k, const Pairs& pairs, const std::vector<double>& angles)
{
    std::vector<double> turned(k, k + pairs.width);
    for (std::size_t pair = 0; pair < angles.size() && pairs.has(static_cast<Index>(pair)); ++pair) {
        const auto a = static_cast<std::size_t>(pairs.first(static_cast<Index>(pair)));
        const auto b = static_cast<std::size_t>(pairs.second(static_cast<Index>(pair)));
        turned[a] = std::cos(angles[pair]) * static_cast<double>(k[a]) + std::sin(angles[pair]) * static_cast<double>(k[b]);
        turned[b] = std::cos(angles[pair]) * static_cast<double>(k[b]) - std::sin(angles[pair]) * static_cast<double>(k[a]);
    }
    return std::inner_product(turned.begin(), turned.end(), q, 0.0);
}

class Mamba3 final : public MixerMethod {
public:
    const MethodInfo& info() const override;
    Result<MixerFactors> factors(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        const bool given = in.array("g", head) || in.array("A", head) || in.array("dt", head);
        return decayTheory(in, head, given ? std::optional<double>() : params.number("g") * params.number("dt"),
                           "Mamba-3 2026, decay of the state", context);
    }
};

Result<MixerFactors> Mamba3::factors(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto rows = stateSpaceRows(in, head);
    if (!rows)
        return rows.error();
    MixerFactors f{.tokens = in.k.rows(), .skipsOwn = true};
    const auto dt = stateSpaceSteps(in, head, params, f);
    const auto g = stateSpaceDecay(in, head, params, f);
    const auto share = gateRows(in, head, kShare, params.number("lambda"), f);
    const auto mix = MimoMix::make(in, head, params.integer("rank"), params.integer("channel"), rows->writes.cols);
    if (!mix)
        return mix.error();
    const auto rates = rotationRates(in, head, params, mix->width(), f);
    if (!dt || !g || !share || !rates)
        return !dt ? dt.error() : !g ? g.error() : !share ? share.error() : rates.error();
    const Index offset = in.k.rows() - in.q.rows();
    const Pairs pairs = pairsOf(mix->width(), params);
    const auto reads = mix->changes() ? f.keep(mix->mixed(rows->reads)) : rows->reads;
    f.q = f.keep(rotated(reads, offset, pairs, *rates, *dt));
    f.write = f.keep(rotated(rows->writes, 0, pairs, *rates, *dt));
    f.logDecay = *g;
    // What later queries see of token j: its own step's share, and the next step's share of the interval's other end.
    Tensor strength(1, 1, f.tokens, 1);
    for (Index j = 0; j < f.tokens; ++j) {
        const float next = j + 1 < f.tokens ? (1.0F - *tokenRow(*share, j + 1)) * *tokenRow(*dt, j + 1) : 0.0F;
        strength.data()[j] = *tokenRow(*share, j) * *tokenRow(*dt, j) + next;
    }
    f.strength = f.keep(std::move(strength));
    for (Index i = 0; i < f.queries(); ++i) {
        const Index t = i + offset;
        double product = 0.0;
        for (Index c = 0; c < f.width(); ++c)
            product += static_cast<double>(reads(i, c)) * static_cast<double>(rows->writes(t, c));
        product *= static_cast<double>(*tokenRow(*share, t)) * static_cast<double>(*tokenRow(*dt, t));
        f.own.push_back(static_cast<float>(product + mix->own() * ownShare(in, head, i)));
    }
    return f;
}

/// By distances alone: a pair turned by the angles between two tokens, whatever came before.
Result<DefinedMap> Mamba3::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto rows = stateSpaceRows(in, head);
    if (!rows)
        return rows.error();
    const auto mix = MimoMix::make(in, head, params.integer("rank"), params.integer("channel"), rows->writes.cols);
    if (!mix)
        return mix.error();
    const auto theta = in.array("theta", head);
    const Pairs pairs = pairsOf(mix->width(), params);
    const Index turning = theta ? theta->cols : pairs.width / 2;
    const Index offset = in.k.rows() - in.q.rows();
    const auto rate = [&](Index t, Index c) {
        return theta ? static_cast<double>((*theta)(theta->rows == 1 ? 0 : t, c)) : params.number("theta");
    };
    const auto share = [&](Index t) { return definedGate(in, head, kShare, params.number("lambda"), t); };
    DefinedMap map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i) {
        double sum = 0.0;
        std::vector<double> angles(static_cast<std::size_t>(turning), 0.0);
        for (Index j = i + offset; j >= 0; --j) {
            double product = 0.0;
            for (Index r = 0; r < mix->rank(); ++r)
                for (Index w = 0; w < mix->rank(); ++w)
                    product += mix->between(r, w) *
                               turnedProduct(rows->reads.row(i) + r * pairs.width, rows->writes.row(j) + w * pairs.width, pairs, angles);
            double weight = share(j) * definedStep(in, head, params, j);
            if (j < i + offset)
                weight += (1.0 - share(j + 1)) * definedStep(in, head, params, j + 1);
            map.at(i, j) = product * std::exp(sum) * weight;
            sum += definedLogDecay(in, head, params, j);
            for (Index c = 0; c < turning; ++c)
                angles[static_cast<std::size_t>(c)] += rate(j, c) * definedStep(in, head, params, j);
        }
        map.at(i, i + offset) += mix->own() * ownShare(in, head, i);
    }
    return map;
}

std::vector<ParamSpec> mamba3Params()
{
    auto specs = stateSpaceParams();
    specs.push_back({.key = "lambda",
                     .label = "Share of the trapezoid λ",
                     .initial = 0.5,
                     .min = 0,
                     .max = 1,
                     .help = "Where the input has no array trap or lambda [N]: 1 is Mamba-2's rule, 0.5 the trapezoidal one, 0 writes a "
                             "token only as the next one comes."});
    specs.push_back({.key = "theta",
                     .label = "Rotation per step θ",
                     .unit = "rad",
                     .initial = 0.1,
                     .min = -3.1416,
                     .max = 3.1416,
                     .help =
                         "By how much keys and queries turn in one unit step in each pair of channels, where the input has no array theta "
                         "[N, pairs]; official code stores it as π tanh of a raw value."});
    specs.push_back({.key = "rank",
                     .label = "Inputs and outputs",
                     .initial = 1,
                     .min = 1,
                     .max = 64,
                     .integer = true,
                     .help =
                         "1: SISO. More: MIMO, whose ranks of keys and queries lie side by side in B and C, or share the channels of k and "
                         "q; arrays mimo_x and mimo_o [1, rank Dv] weigh them by channel, else 1/rank as training starts."});
    specs.push_back({.key = "channel",
                     .label = "Channel",
                     .initial = 0,
                     .min = 0,
                     .max = 65536,
                     .integer = true,
                     .help =
                         "MIMO has a map for each value channel: its number, from 1, shows that one and mixes all values by it, so that "
                         "this column of the output is the model's own; 0 takes the mean of all maps."});
    specs.push_back({.key = "pairs",
                     .label = "Channels that turn together",
                     .kind = ParamKind::Choice,
                     .choices = {"adjacent", "halves"},
                     .help =
                         "adjacent: (0, 1), (2, 3), …, as published SISO code does; halves: each of the first half with its fellow in the "
                         "second, as MIMO kernels do: weights trained for one don't fit the other."});
    return specs;
}

const MethodInfo& Mamba3::info() const
{
    static const MethodInfo info{
        .id = "mamba3",
        .title = "Mamba-3",
        .family = "recurrent",
        .summary = "A state space model with complex eigenvalues and a trapezoidal rule: keys and queries turn as time passes, and each "
                   "token is written in two parts.",
        .formula = "Mᵢⱼ = (qᵢ·kⱼ) e^(Gᵢ − Gⱼ) [λⱼΔⱼ + (1 − λⱼ₊₁)Δⱼ₊₁] for j < i, Mᵢᵢ = (qᵢ·kᵢ) λᵢΔᵢ + D;  q = R(Φ)C, k = R(Φ)B, "
                   "Φᵢ = Σ_{t≤i} θ_t Δ_t;  MIMO, channel p: qᵢ·kⱼ becomes Σ_rr′ o_rp x_r′p qᵢ⁽ʳ⁾·kⱼ⁽ʳ′⁾",
        .assumes = "Steps know which tokens matter, and what must be told apart by place does so by rotation.",
        .loses = "Old tokens as the decay demands, all of them alike; scores are not sharpened and may be negative.",
        .learned = "B, C (normalised, with biases), Δ, A, λ and θ are learned; here they are the input's arrays B, C, dt, g or A, trap and "
                   "theta, already normalised and activated, else C = q, B = k and constants.",
        .reference = "Mamba-3, 2026, arXiv:2603.15569, and the reference functions of its code in state-spaces/mamba",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = mamba3Params(),
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> mamba3() { return std::make_unique<Mamba3>(); }

} // namespace attnscope::methods
