// SPDX-License-Identifier: GPL-3.0-or-later
// Performer: softmax attention by random features (FAVOR+, FAVOR++), and the published variants.
#include "core/engine/kernel_method.h"
#include "core/engine/performer_definition.h"
#include "core/engine/performer_params.h"
#include "core/engine/performer_theory.h"
#include "core/engine/projection.h"
#include "core/engine/random_features.h"

namespace attnscope::methods {

namespace {

std::vector<ParamSpec> performerParams()
{
    return {
        {.key = "features",
         .label = "Random features",
         .initial = 256,
         .min = 1,
         .max = 8192,
         .integer = true,
         .help = "Columns of φ; hyperbolic and trig make two columns of each random frequency, so they draw half as many."},
        {.key = "map",
         .label = "Feature map",
         .kind = ParamKind::Choice,
         .choices = {"positive", "hyperbolic", "trig", "oprf", "relu", "relu-deterministic", "relu-tf", "relu-lucidrains"},
         .help = "positive: exp(Wx - |x|²/2); hyperbolic: exp(±Wx - |x|²/2); trig: exp(|x|²/2) [cos Wx, sin Wx], whose row sums may come "
                 "out near zero or negative; oprf (FAVOR++): exp(A|w|² + √(1-4A) Wx - |x|²/2) with the A that fits the head. What is "
                 "published as generalized attention is three functions: relu-deterministic: max(q, 0) + 0.001 without projection (JAX); "
                 "relu-tf: max(m^(-1/2) Wq, 0) + 0.001; relu-lucidrains, also named relu: max(Wx, 0) + 0.001; kernels of their own."},
        {.key = "projection",
         .label = "Projection",
         .kind = ParamKind::Choice,
         .choices = {"orthogonal", "iid", "orthogonal-as-published", "orthogonal-regularized", "hadamard"},
         .help = "orthogonal: blocks of Haar orthogonal rows with chi(d) lengths; iid: independent Gaussian rows; "
                 "orthogonal-as-published: without the sign fix, as official code draws it, which biases the estimate; "
                 "orthogonal-regularized: all lengths √d (SMREG), a kernel below exp(x·y); hadamard: products of Hadamard matrices and "
                 "random signs (SORF), nearly unbiased."},
        {.key = "redraw",
         .label = "Redraw",
         .initial = 0,
         .min = 0,
         .max = 1000000,
         .integer = true,
         .help = "Which draw of the projection: another number gives another one, the same number always the same."},
        {.key = "official-eps",
         .label = "Official stabilisation",
         .kind = ParamKind::Choice,
         .choices = {"off", "on"},
         .help = "on: features exp(. - max) + 1e-6 and guarded sums as in the official JAX code, which draws rows towards the uniform one "
                 "(ReLU maps have their own 0.001); the key maximum runs over all positions, so the causal form leaks a little through "
                 "the 1e-6."},
        {.key = "oprf-a",
         .label = "A of FAVOR++",
         .initial = 0,
         .min = -100,
         .max = 0,
         .help = "0: the closed form from the mean |q + k|² of the head, which in the causal form looks at the whole sequence; below 0: "
                 "this value, which leaks nothing."},
    };
}

class Performer final : public KernelMethod {
public:
    const MethodInfo& info() const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;

protected:
    Result<std::unique_ptr<const FeatureMap>> inputMap(const Inputs& in, HeadRef head, const Params& params,
                                                       const RunContext& context) const override
    {
        const float scale = in.effectiveScale();
        auto w =
            sharedProjection(projectionOf(params.text("projection")), performerFrequencies(params), in.q.cols(), performerSeed(params));
        RandomFeatureOptions options{coefficient(in, head, params), {}};
        if (performerIsOfficial(params)) {
            options.officialEps = officialEpsOf(performerMap(params), *w, options.a, scale, in.qOf(head), in.kOf(head), context);
            if (!options.officialEps)
                return cancelledError();
        }
        return makeRandomFeatures(performerMap(params), std::move(w), scale, options);
    }
    bool mapPerHead(const Params& params) const override { return performerMap(params) == RandomMap::Oprf || performerIsOfficial(params); }
    Index features(Index dim, const Params& params) const override
    {
        return performerMap(params) == RandomMap::ReluPlain ? dim
                                                            : performerFrequencies(params) * columnsPerFrequency(performerMap(params));
    }
    double featureFlops(Index dim, const Params& params) const override
    {
        return 2.0 * static_cast<double>(dim) *
               (performerMap(params) == RandomMap::ReluPlain ? 1.0 : static_cast<double>(performerFrequencies(params)));
    }
    bool isPlain(const Params& params) const override
    {
        return performerMap(params) == RandomMap::Positive && !performerIsOfficial(params);
    }

private:
    static double coefficient(const Inputs& in, HeadRef head, const Params& params)
    {
        if (performerMap(params) != RandomMap::Oprf)
            return 0.0;
        const double given = params.number("oprf-a");
        const double scale = in.effectiveScale();
        return given < 0.0 ? given : oprfCoefficient(meanPairLength(in.qOf(head), in.kOf(head), scale), in.q.cols());
    }
};

Result<DefinedMap> Performer::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const Tensor w =
        drawProjection(projectionOf(params.text("projection")), performerFrequencies(params), in.q.cols(), performerSeed(params));
    return definedPerformer(in, head, {performerMap(params), params.number("oprf-a"), performerIsOfficial(params)}, w.matrix());
}

Result<std::vector<TheoryCurve>> Performer::theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    if (estimatesSoftmax(performerMap(params)))
        return randomFeatureTheory(
            in, head, {performerMap(params), projectionOf(params.text("projection")), coefficient(in, head, params), performerSeed(params)},
            context);
    TheoryCurve none;
    none.title = "No bound towards softmax";
    none.source = "Choromanski et al. 2021, section 4.2";
    none.kind = TheoryKind::Guidance;
    none.caption = "The ReLU maps define kernels of their own: more features make them come closer to that kernel, never to softmax.";
    return std::vector<TheoryCurve>{std::move(none)};
}

const MethodInfo& Performer::info() const
{
    static const MethodInfo info{
        .id = "performer",
        .title = "Performer (FAVOR+)",
        .family = "kernel",
        .summary = "Estimates exp(q·k) by random features; unbiased for the kernel (not for its normalised rows), with a variance that "
                   "grows like exp(|q + k|²).",
        .formula = "φ(x) = m^(-1/2) exp(W x - |x|²/2),  x = √scale q or √scale k,  Â_ij = φ(q_i)·φ(k_j) / Σ_l φ(q_i)·φ(k_l)",
        .assumes = "That |q + k|² stays below about 2 ln m: beyond, m features rarely meet what the mean consists of.",
        .loses = "Sharp rows become flat where norms are large, and the map's rank is at most the number of features.",
        .reference = "Choromanski et al., Rethinking Attention with Performers, ICLR 2021, arXiv:2009.14794, section 2 and lemma 1; "
                     "FAVOR++: Likhosherstov et al., Chefs' Random Tables, NeurIPS 2022, arXiv:2205.15317",
        .timeGrowth = "n m d",
        .memoryGrowth = "m d",
        .supportsCausal = true,
        .randomised = true,
        .params = performerParams(),
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> performer() { return std::make_unique<Performer>(); }

} // namespace attnscope::methods
