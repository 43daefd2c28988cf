// SPDX-License-Identifier: GPL-3.0-or-later
// Performer: softmax attention by random features (FAVOR+), and its published
// variants.
#include "core/engine/kernel_definition.h"
#include "core/engine/kernel_method.h"
#include "core/engine/projection.h"
#include "core/engine/random_features.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace attnscope::methods {

namespace {

/// Frequencies, so that there are as many feature columns as asked for (one
/// more where an odd number has to be halved).
Index frequencies(const Params& params)
{
    const Index columns = columnsPerFrequency(randomMapOf(params.text("map")));
    return (params.integer("features") + columns - 1) / columns;
}

/// Lemmas 1 and 2, of x = sqrt(scale) times a row, without the common factor.
DefinedFeatures definedFeatures(std::span<const float> row, double scale, MatrixView<const float> w, const std::string& map)
{
    std::vector<double> first;
    std::vector<double> second;
    double square = 0.0;
    for (const double x : row)
        square += scale * x * x;
    for (Index r = 0; r < w.rows; ++r) {
        double p = 0.0;
        for (Index c = 0; c < w.cols; ++c)
            p += std::sqrt(scale) * row[static_cast<std::size_t>(c)] * w(r, c);
        if (map == "trig") {
            first.push_back(std::cos(p));
            second.push_back(std::sin(p));
        } else if (map == "relu") {
            first.push_back(std::log(std::max(p, 0.0) + 1e-3));
        } else {
            first.push_back(p - square / 2.0);
            if (map == "hyperbolic")
                second.push_back(-p - square / 2.0);
        }
    }
    first.insert(first.end(), second.begin(), second.end());
    if (map == "trig")
        return {std::move(first), square / 2.0};
    return featuresFromLogs(std::move(first));
}

class Performer final : public KernelMethod {
public:
    const MethodInfo& info() const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;

protected:
    std::unique_ptr<const FeatureMap> makeMap(Index dim, float scale, const Params& params) const override
    {
        return makeRandomFeatures(randomMapOf(params.text("map")),
                                  sharedProjection(projectionOf(params.text("projection")), frequencies(params), dim, params.seed), scale);
    }
    Index features(Index, const Params& params) const override
    {
        return frequencies(params) * columnsPerFrequency(randomMapOf(params.text("map")));
    }
    double featureFlops(Index dim, const Params& params) const override
    {
        return 2.0 * static_cast<double>(dim) * static_cast<double>(frequencies(params));
    }
};

Result<DefinedMap> Performer::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const Tensor w = drawProjection(projectionOf(params.text("projection")), frequencies(params), in.q.cols(), params.seed);
    const auto features = [&](std::span<const float> x) { return definedFeatures(x, in.effectiveScale(), w.matrix(), params.text("map")); };
    return definedKernel(in, featuresOfRows(in.qOf(head), features), featuresOfRows(in.kOf(head), features));
}

const MethodInfo& Performer::info() const
{
    static const MethodInfo info{
        .id = "performer",
        .title = "Performer (FAVOR+)",
        .family = "kernel",
        .summary = "Estimates exp(q·k) by random features; unbiased for the "
                   "kernel (not for its normalised rows), with a variance that "
                   "grows like exp(|q + k|²).",
        .formula = "φ(x) = m^(-1/2) exp(W x - |x|²/2),  x = √scale q or √scale "
                   "k,  Â_ij = φ(q_i)·φ(k_j) / Σ_l φ(q_i)·φ(k_l)",
        .reference = "Choromanski et al., Rethinking Attention with Performers, "
                     "ICLR 2021, arXiv:2009.14794, section 2 and lemma 1",
        .timeGrowth = "n m d",
        .memoryGrowth = "m d",
        .supportsCausal = true,
        .randomised = true,
        .params = {{.key = "features",
                    .label = "Random features",
                    .initial = 256,
                    .min = 1,
                    .max = 8192,
                    .integer = true,
                    .help = "Columns of φ; hyperbolic and trig make two columns of "
                            "each random frequency, so they draw half as many."},
                   {.key = "map",
                    .label = "Feature map",
                    .kind = ParamKind::Choice,
                    .choices = {"positive", "hyperbolic", "trig", "relu"},
                    .help = "positive: exp(Wx - |x|²/2); hyperbolic: exp(±Wx - |x|²/2); "
                            "trig: exp(|x|²/2) [cos Wx, sin Wx], whose row sums may "
                            "come out near zero or negative; relu: max(Wx, 0) + 0.001, a "
                            "kernel of its own."},
                   {.key = "projection",
                    .label = "Projection",
                    .kind = ParamKind::Choice,
                    .choices = {"orthogonal", "iid", "orthogonal-as-published"},
                    .help = "orthogonal: blocks of Haar orthogonal rows with chi(d) "
                            "lengths; iid: independent Gaussian rows; "
                            "orthogonal-as-published: without the sign fix, as "
                            "official code draws it, which biases the estimate."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> performer() { return std::make_unique<Performer>(); }

} // namespace attnscope::methods
