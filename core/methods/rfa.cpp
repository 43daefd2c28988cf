// SPDX-License-Identifier: GPL-3.0-or-later
// Random Feature Attention: trigonometric features of queries and keys of unit length.
#include "core/engine/kernel_definition.h"
#include "core/engine/kernel_method.h"
#include "core/engine/performer_theory.h"
#include "core/engine/unit_trig.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace attnscope::methods {

namespace {

constexpr double kPublishedPadding = 1e-3;

Index frequencies(const Params& params) { return (params.integer("features") + 1) / 2; }

double padding(const Params& params) { return params.text("norm") == "official" ? kPublishedPadding : 0.0; }

double temperature(const Inputs& in, HeadRef head, const Params& params)
{
    const double given = params.number("tau");
    return given > 0.0 ? given : static_cast<double>(in.effectiveScale()) * meanNorm(in.qOf(head)) * meanNorm(in.kOf(head));
}

class Rfa final : public KernelMethod {
public:
    const MethodInfo& info() const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;

protected:
    Result<std::unique_ptr<const FeatureMap>> inputMap(const Inputs& in, HeadRef head, const Params& params,
                                                       const RunContext&) const override
    {
        auto w = sharedProjection(projectionOf(params.text("projection")), frequencies(params), in.q.cols(), params.seed);
        return makeUnitTrig(std::move(w), temperature(in, head, params), static_cast<float>(padding(params)));
    }
    bool mapPerHead(const Params& params) const override { return params.number("tau") <= 0.0; }
    Index features(Index, const Params& params) const override { return 2 * frequencies(params); }
    double featureFlops(Index dim, const Params& params) const override
    {
        return 2.0 * static_cast<double>(dim) * static_cast<double>(frequencies(params) + 1);
    }
};

/// cos w . (x - y) = cos w . x cos w . y + sin w . x sin w . y, of x = sqrt(tau) times the row of unit length.
DefinedFeatures definedFeatures(std::span<const float> row, double tau, double padding, MatrixView<const float> w)
{
    double square = 0.0;
    for (const double x : row)
        square += x * x;
    const double norm = std::sqrt(square) + padding;
    DefinedFeatures features;
    for (Index r = 0; r < w.rows; ++r) {
        double p = 0.0;
        for (Index c = 0; c < w.cols && norm > 0.0; ++c)
            p += std::sqrt(tau) * row[static_cast<std::size_t>(c)] / norm * w(r, c);
        features.values.push_back(std::cos(p));
        features.values.push_back(std::sin(p));
    }
    return features;
}

double definedMeanNorm(MatrixView<const float> x)
{
    double sum = 0.0;
    for (Index i = 0; i < x.rows; ++i) {
        double square = 0.0;
        for (const double value : x.rowSpan(i))
            square += value * value;
        sum += std::sqrt(square);
    }
    return sum / static_cast<double>(x.rows);
}

Result<DefinedMap> Rfa::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const Tensor w = drawProjection(projectionOf(params.text("projection")), frequencies(params), in.q.cols(), params.seed);
    double tau = params.number("tau");
    if (tau <= 0.0)
        tau = static_cast<double>(in.effectiveScale()) * definedMeanNorm(in.qOf(head)) * definedMeanNorm(in.kOf(head));
    const auto features = [&](std::span<const float> x) { return definedFeatures(x, tau, padding(params), w.matrix()); };
    return definedKernel(in, featuresOfRows(in.qOf(head), features), featuresOfRows(in.kOf(head), features));
}

/// Of rows spread over the head: |A - Â|_F / |A|_F towards softmax of q·k and towards that of τ q̂·k̂, in a sentence.
Result<TheoryCurve> distanceFromTargets(const ScoreSource& map, const Inputs& in, HeadRef head, const Inputs& unit,
                                        const RunContext& context)
{
    constexpr Index kRows = 64;
    double gaps[2] = {0.0, 0.0};
    double sizes[2] = {0.0, 0.0};
    Tensor row(1, 1, 1, map.cols());
    std::vector<double> target(static_cast<std::size_t>(map.cols()));
    const Index step = (map.rows() + kRows - 1) / kRows;
    for (Index i = 0; i < map.rows(); i += step) {
        if (auto done = map.read({i, 0, 1, map.cols(), 0}, Pool::Mean, row.matrix(), context); !done)
            return done.error();
        for (const std::size_t t : {std::size_t{0}, std::size_t{1}}) {
            softmaxRow(t == 0 ? in : unit, t == 0 ? head : HeadRef{}, i, target);
            for (std::size_t j = 0; j < target.size(); ++j) {
                const double gap = target[j] - static_cast<double>(row.values()[j]);
                gaps[t] += gap * gap;
                sizes[t] += target[j] * target[j];
            }
        }
    }
    std::ostringstream text;
    text.precision(3);
    text << "On rows spread over the head the map's relative Frobenius error is " << std::sqrt(gaps[1] / sizes[1])
         << " towards its own target, softmax of τ q̂·k̂, and " << std::sqrt(gaps[0] / sizes[0]) << " towards softmax of q·k.";
    TheoryCurve curve;
    curve.title = "Distance from both targets";
    curve.source = "measured on these inputs";
    curve.quantity = "relative Frobenius error of the map";
    curve.kind = TheoryKind::Guidance;
    curve.caption = text.str();
    return curve;
}

Result<std::vector<TheoryCurve>> Rfa::theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    const double tau = temperature(in, head, params);
    const auto unit = [](MatrixView<const float> rows) {
        Tensor made(1, 1, rows.rows, rows.cols);
        for (Index i = 0; i < rows.rows; ++i) {
            double square = 0.0;
            for (const double x : rows.rowSpan(i))
                square += x * x;
            std::transform(rows.row(i), rows.row(i) + rows.cols, made.matrix().row(i),
                           [square](float x) { return square > 0.0 ? static_cast<float>(x / std::sqrt(square)) : 0.0F; });
        }
        return made;
    };
    const Tensor q = unit(in.qOf(head));
    const Tensor k = unit(in.kOf(head));
    const Inputs scaled{q.view(), k.view(), k.view(), in.causal, static_cast<float>(tau), nullptr};
    auto curves = randomFeatureTheory(scaled, {}, {RandomMap::Trig, projectionOf(params.text("projection")), 0.0, params.seed}, context);
    if (!curves)
        return curves;
    TheoryCurve& lemma = curves->front();
    lemma.title = "Relative RMS error of exp(τ q̂·k̂)";
    lemma.source = "Choromanski et al. 2021, arXiv:2009.14794, lemma 2 (trigonometric features), with |x| = |y| = √τ";
    lemma.quantity = "relative error of exp(τ q̂·k̂), median over pairs";
    lemma.caption = "Holds for independent frequencies, of the kernel before rows are normalised, towards attention of unit-length queries "
                    "and keys; the distance of that from softmax of q·k comes on top. Row sums may come out near zero or negative.";
    curves->resize(1);
    const auto map = scores(in, head, params, context);
    if (!map)
        return map.error();
    auto distance = distanceFromTargets(**map, in, head, scaled, context);
    if (!distance)
        return distance.error();
    curves->push_back(*std::move(distance));
    return curves;
}

const MethodInfo& Rfa::info() const
{
    static const MethodInfo info{
        .id = "rfa",
        .title = "Random Feature Attention",
        .family = "kernel",
        .summary = "Sines and cosines of random projections of queries and keys of unit length: approximates softmax of τ q̂·k̂, in which "
                   "norms play no part.",
        .formula = "φ(x) = [cos √τ W x̂, sin √τ W x̂],  x̂ = x / |x|,  Â_ij = φ(q_i)·φ(k_j) / Σ_l φ(q_i)·φ(k_l)",
        .assumes = "That directions decide and norms hardly differ, and that the temperature τ is small against ln m.",
        .loses = "The norms of queries and keys; for large τ row sums come near zero or negative, and weights grow without bound.",
        .learned = "The publication learns a temperature per dimension and a gate; here one τ per head stands for it, from the mean norms "
                   "or given, without a gate.",
        .reference = "Peng et al., Random Feature Attention, ICLR 2021, arXiv:2103.02143",
        .timeGrowth = "n m d",
        .memoryGrowth = "m d",
        .supportsCausal = true,
        .randomised = true,
        .nonNegative = false,
        .laterTokensMatter = true,
        .params = {{.key = "features",
                    .label = "Random features",
                    .initial = 256,
                    .min = 2,
                    .max = 8192,
                    .integer = true,
                    .help = "Columns of φ, a sine and a cosine of each random frequency."},
                   {.key = "tau",
                    .label = "Temperature",
                    .initial = 0,
                    .min = 0,
                    .max = 1000,
                    .help = "Logits are τ q̂·k̂; 0: the logit scale times the mean norms of the head's queries and keys, which in the causal "
                            "form looks at the whole sequence. The published initial value is 1."},
                   {.key = "projection",
                    .label = "Projection",
                    .kind = ParamKind::Choice,
                    .choices = {"iid", "orthogonal"},
                    .help = "iid: independent Gaussian frequencies, as published; orthogonal: blocks of orthogonal ones."},
                   {.key = "norm",
                    .label = "Norm",
                    .kind = ParamKind::Choice,
                    .choices = {"unit", "official"},
                    .help = "unit: rows of length 1; official: divided by |x| + 0.001 as in the published code, so a little shorter."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> rfa() { return std::make_unique<Rfa>(); }

} // namespace attnscope::methods
