// SPDX-License-Identifier: GPL-3.0-or-later
// Skyformer: the Gaussian kernel map by the Nystrom method on sampled queries and keys.
#include "core/base/parallel.h"
#include "core/engine/gaussian_kernel.h"
#include "core/engine/iterative_pinv.h"
#include "core/engine/landmark.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace attnscope::methods {

namespace {

SkyformerOptions optionsOf(const Params& params)
{
    return {params.integer("features"), params.integer("accumulation"), static_cast<int>(params.integer("iterations")),
            params.text("init") == "official", params.seed};
}

std::vector<Index> sampleOf(const Inputs& in, const Params& params) { return skyformerSample(optionsOf(params), in.q.rows(), in.k.rows()); }

class Skyformer final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool causal) const override;
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        const std::vector<Index> sample = sampleOf(in, params);
        return skyformerTheory(in, head, sample, optionsOf(params), context);
    }
    Index rankBound(const Shape&, const Params& params) const override { return params.integer("features"); }
};

Cost Skyformer::cost(const Shape& s, const Params& params, bool) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const double f = params.number("features");
    const double rounds = params.number("accumulation");
    const auto tokens = static_cast<double>(s.queries + s.keys);
    const auto dim = static_cast<double>(s.dim);
    const auto valueDim = static_cast<double>(s.valueDim);
    return {heads * (3.0 * rounds * f * dim * (tokens + rounds * f) + 8.0 * params.number("iterations") * f * f * f +
                     2.0 * f * tokens * valueDim + 2.0 * static_cast<double>(s.queries) * f * f),
            4.0 * heads * tokens * (dim + valueDim),
            heads * (4.0 * tokens * f + 4.0 * static_cast<double>(s.queries) * valueDim) +
                RunContext{}.threadCount() * (20.0 * tokens * f + 8.0 * tokens * dim + 64.0 * f * f + 8.0 * rounds * f * dim)};
}

Result<Tensor> Skyformer::run(const Inputs& in, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, params, context); !ready)
        return ready.error();
    const std::vector<Index> sample = sampleOf(in, params);
    const Shape s = in.shape();
    std::vector<LowRankFactors> factors(static_cast<std::size_t>(s.batch * s.heads));
    const bool done = parallelFor(s.batch * s.heads, 1, context, [&](Index h, Index) {
        auto made = skyformerFactors(in, {h / s.heads, h % s.heads}, sample, optionsOf(params), context);
        if (made) // else the run was stopped, which parallelFor reports
            factors[static_cast<std::size_t>(h)] = *std::move(made);
    });
    if (!done || context.cancelled())
        return cancelledError();
    return applyFactors(in, factors, context);
}

Result<std::shared_ptr<const ScoreSource>> Skyformer::scores(const Inputs& in, HeadRef head, const Params& params,
                                                             const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    const std::vector<Index> sample = sampleOf(in, params);
    auto factors = skyformerFactors(in, head, sample, optionsOf(params), context);
    if (!factors)
        return factors.error();
    return makeLowRankSource(*std::move(factors));
}

/// kernel(Q, S) D^-1/2 Z D^-1/2 kernel(K, S)ᵀ, with Z from the singular values of the middle matrix.
Result<DefinedMap> Skyformer::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const std::vector<Index> sample = sampleOf(in, params);
    const SkyformerOptions options = optionsOf(params);
    const SkyformerParts parts = skyformerParts(in, head, sample, options);
    const SpectralPinv inverse = spectralPinv(parts.middle, options.iterations, skyformerColumnSum(in, parts, sample, options));
    const double scale = in.effectiveScale();
    const auto kernel = [&](MatrixView<const float> x) {
        DoubleMatrix cells(x.rows, options.features);
        for (Index i = 0; i < x.rows; ++i)
            for (Index f = 0; f < options.features; ++f)
                for (const DoubleMatrix& sampled : parts.sampled) {
                    double square = 0.0;
                    for (Index c = 0; c < x.cols; ++c)
                        square += std::pow(x(i, c) - sampled(f, c), 2);
                    cells(i, f) += std::exp(-scale * square / 2.0) * parts.rootDegree[static_cast<std::size_t>(f)];
                }
        return cells;
    };
    const DoubleMatrix left = kernel(in.qOf(head));
    const DoubleMatrix right = kernel(in.kOf(head));
    DefinedMap map(in.q.rows(), in.k.rows());
    map.condition = inverse.condition;
    std::vector<double> row(static_cast<std::size_t>(options.features));
    for (Index i = 0; i < map.rows; ++i) {
        for (Index b = 0; b < options.features; ++b) {
            row[static_cast<std::size_t>(b)] = 0.0;
            for (Index a = 0; a < options.features; ++a)
                row[static_cast<std::size_t>(b)] += left(i, a) * inverse.inverse(a, b);
        }
        for (Index j = 0; j < map.cols; ++j)
            for (Index b = 0; b < options.features; ++b)
                map.at(i, j) += row[static_cast<std::size_t>(b)] * right(j, b);
    }
    return map;
}

const MethodInfo& Skyformer::info() const
{
    static const MethodInfo info{
        .id = "skyformer",
        .title = "Skyformer",
        .family = "landmark",
        .summary =
            "Approximates kernelized (Gaussian) attention, not softmax, by the Nyström method on rows sampled from queries and keys.",
        .formula =
            "Â = κ(Q, S) D^(-1/2) Z D^(-1/2) κ(K, S)ᵀ,  κ(x, y) = exp(−s |x − y|²/2),  Z ≈ (D^(-1/2) (κ(S, S) + 0.1 I) D^(-1/2))⁺,  D its "
            "row sums",
        .assumes = "The sampled rows lie near all queries and keys, so that the kernel between them is nearly of low rank.",
        .loses = "Rows far from every sample; and what kernelized attention itself loses against softmax. The ridge 0.1 and few iterations "
                 "damp small directions.",
        .reference = "Chen, Zeng, Ji, Yang, Skyformer: Remodel Self-Attention with Gaussian Kernel and Nyström Method, NeurIPS 2021, "
                     "arXiv:2111.00035, algorithm 1; its official code scales rows by 32^(-1/4) whatever their width, here by √s",
        .timeGrowth = "n m d + m³",
        .memoryGrowth = "n m",
        .randomised = true,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = {{.key = "features",
                    .label = "Sampled rows",
                    .initial = 128,
                    .min = 2,
                    .max = 2048,
                    .integer = true,
                    .help = "Rows m of each round, half of all rows drawn being queries, the others keys, with repetition."},
                   {.key = "accumulation",
                    .label = "Rounds",
                    .initial = 1,
                    .min = 1,
                    .max = 16,
                    .integer = true,
                    .help = "Samples whose kernels are added up before the inverse is taken."},
                   {.key = "iterations",
                    .label = "Iterations",
                    .initial = 6,
                    .min = 0,
                    .max = 30,
                    .integer = true,
                    .help = "Steps of the iterative inverse."},
                   {.key = "init",
                    .label = "First inverse",
                    .kind = ParamKind::Choice,
                    .choices = {"per-head", "official"},
                    .help = "per-head: scaled by the head's largest column sum; official: by the largest one of the whole batch and all "
                            "heads, as the official code does, which couples the heads."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> skyformer() { return std::make_unique<Skyformer>(); }

} // namespace attnscope::methods
