// SPDX-License-Identifier: GPL-3.0-or-later
// Nystromformer: softmax attention by way of landmarks and the pseudo-inverse of the softmax among them.
#include "core/engine/nystrom.h"
#include "core/engine/support_softmax.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>

namespace attnscope::methods {

namespace {

/// As the official code: with as many landmarks as tokens, exact softmax.
bool isExact(const Shape& s, const Params& params) { return params.integer("landmarks") >= std::max(s.queries, s.keys); }

NystromOptions optionsOf(const Shape& s, const Params& params)
{
    return {std::min({params.integer("landmarks"), s.queries, s.keys}), landmarkChoiceOf(params.text("selection")),
            params.text("pinv") == "exact" ? -1 : static_cast<int>(params.integer("iterations")), params.text("init") == "official",
            params.seed};
}

class Nystromformer final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool causal) const override;
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        if (isExact(in.shape(), params))
            return runSupportSoftmax(in, fullSupport(in.q.rows(), in.k.rows(), false), context);
        return runNystrom(in, optionsOf(in.shape(), params), context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        if (isExact(in.shape(), params))
            return makeSupportSource(in, head, fullSupport(in.q.rows(), in.k.rows(), false), Provenance::Implied, context);
        auto factors = nystromFactors(in, head, optionsOf(in.shape(), params), context);
        if (!factors)
            return factors.error();
        return makeLowRankSource(*std::move(factors));
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;
    Index rankBound(const Shape& s, const Params& params) const override { return isExact(s, params) ? 0 : optionsOf(s, params).landmarks; }
};

Cost Nystromformer::cost(const Shape& s, const Params& params, bool causal) const
{
    if (isExact(s, params))
        return streamingCost(s, fullPairs(s, causal));
    const NystromOptions options = optionsOf(s, params);
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto m = static_cast<double>(options.landmarks);
    const auto width = static_cast<double>(s.dim + s.valueDim);
    const auto tokens = static_cast<double>(s.queries + s.keys);
    const double inverse = options.iterations < 0 ? 20.0 * m * m * m : 8.0 * options.iterations * m * m * m;
    return {heads * (2.0 * tokens * m * width + inverse + 2.0 * m * m * static_cast<double>(s.dim + s.valueDim)),
            4.0 * heads * tokens * width,
            4.0 * heads * static_cast<double>(s.queries * s.valueDim) +
                heads * (8.0 * m * (2.0 * static_cast<double>(s.dim) + m) + 16.0 * m * width) +
                RunContext{}.threadCount() * (48.0 * m * m + 512.0 * m + streamScratchBytes(s.dim, s.valueDim))};
}

/// Landmarks by plain sums; the inverse from singular values instead of matrix products.
Result<DefinedMap> Nystromformer::define(const Inputs& in, HeadRef head, const Params& params) const
{
    if (isExact(in.shape(), params))
        return definedSoftmax(in, head, [](Index, Index) { return true; });
    const NystromOptions options = optionsOf(in.shape(), params);
    const NystromParts parts = nystromParts(in, head, options);
    const SpectralPinv inverse = spectralPinv(parts.middle, options.iterations, nystromColumnSum(in, parts, options));
    const Index m = options.landmarks;
    const auto softmax = [scale = static_cast<double>(in.effectiveScale())](MatrixView<const float> x, const DoubleMatrix& y, bool overX) {
        DoubleMatrix p(x.rows, y.rows);
        for (Index i = 0; i < x.rows; ++i)
            for (Index r = 0; r < y.rows; ++r)
                for (Index c = 0; c < x.cols; ++c)
                    p(i, r) += scale * x(i, c) * y(r, c);
        for (Index a = 0; a < (overX ? p.cols : p.rows); ++a) {
            double sum = 0.0;
            for (Index b = 0; b < (overX ? p.rows : p.cols); ++b)
                sum += std::exp(overX ? p(b, a) : p(a, b));
            for (Index b = 0; b < (overX ? p.rows : p.cols); ++b)
                (overX ? p(b, a) : p(a, b)) = std::exp(overX ? p(b, a) : p(a, b)) / sum;
        }
        return p;
    };
    const DoubleMatrix f = softmax(in.qOf(head), parts.keys, false);
    const DoubleMatrix b = softmax(in.kOf(head), parts.queries, true);
    DefinedMap map(in.q.rows(), in.k.rows());
    map.condition = inverse.condition;
    std::vector<double> row(static_cast<std::size_t>(m));
    for (Index i = 0; i < map.rows; ++i) {
        for (Index r = 0; r < m; ++r) {
            row[static_cast<std::size_t>(r)] = 0.0;
            for (Index c = 0; c < m; ++c)
                row[static_cast<std::size_t>(r)] += f(i, c) * inverse.inverse(c, r);
        }
        for (Index j = 0; j < map.cols; ++j)
            for (Index r = 0; r < m; ++r)
                map.at(i, j) += row[static_cast<std::size_t>(r)] * b(j, r);
    }
    return map;
}

Result<std::vector<TheoryCurve>> Nystromformer::theory(const Inputs& in, HeadRef head, const Params& params,
                                                       const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    if (isExact(in.shape(), params))
        return std::vector<TheoryCurve>{{.title = "Exact",
                                         .source = "Xiong et al. 2021, lemma 2",
                                         .kind = TheoryKind::Guidance,
                                         .caption = "With as many landmarks as tokens, the method is softmax attention itself."}};
    return nystromTheory(in, head, optionsOf(in.shape(), params), context);
}

const MethodInfo& Nystromformer::info() const
{
    static const MethodInfo info{
        .id = "nystromformer",
        .title = "Nystromformer",
        .family = "landmark",
        .summary =
            "Joins queries to keys by way of a few landmarks and the pseudo-inverse of the softmax among these; exact where there are "
            "as many landmarks as tokens.",
        .formula =
            "Â = softmax(s Q K̃ᵀ) Z softmax(s Q̃ Kᵀ),  Z ≈ A_s⁺,  A_s = softmax(s Q̃ K̃ᵀ),  Z ← Z/4 (13I − A_s Z (15I − A_s Z (7I − A_s Z)))",
        .assumes = "The softmax map is nearly of low rank, and the landmarks span what matters of it.",
        .loses =
            "Sharp rows that no landmark resembles; where attention is flat A_s is almost singular, many iterations magnify noise, weights "
            "become negative and rows sum to 1 only once the inverse has converged.",
        .reference =
            "Xiong et al., Nyströmformer: A Nyström-Based Algorithm for Approximating Self-Attention, AAAI 2021, arXiv:2102.03902, "
            "eq. 13 and algorithm 1 (without its optional convolution of V)",
        .timeGrowth = "n m d + m³",
        .memoryGrowth = "m (m + d)",
        .randomised = true,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .exactWith = {{"landmarks", "4096"}},
        .params = {{.key = "landmarks",
                    .label = "Landmarks",
                    .initial = 64,
                    .min = 1,
                    .max = 4096,
                    .integer = true,
                    .help = "Landmarks m of queries and of keys; as many as tokens give exact softmax, as in the official code. Where m "
                            "doesn't divide the length, the first segments are one token shorter."},
                   {.key = "iterations",
                    .label = "Iterations",
                    .initial = 6,
                    .min = 0,
                    .max = 30,
                    .integer = true,
                    .help = "Steps of the iterative pseudo-inverse; few of them act as a regulariser."},
                   {.key = "init",
                    .label = "First inverse",
                    .kind = ParamKind::Choice,
                    .choices = {"per-head", "official"},
                    .help =
                        "per-head: Z starts at A_sᵀ over the head's largest column sum; official: over the largest one of the whole batch "
                        "and all heads, as the official code does by default, which couples the heads."},
                   {.key = "pinv",
                    .label = "Pseudo-inverse",
                    .kind = ParamKind::Choice,
                    .choices = {"iterative", "exact"},
                    .help = "iterative: as published; exact: by singular values, those below m 2^-23 of the largest counting as 0."},
                   {.key = "selection",
                    .label = "Landmark choice",
                    .kind = ParamKind::Choice,
                    .choices = {"segment-means", "strided", "random", "k-means"},
                    .help = "segment-means: as published; strided: the first token of each segment; random: tokens drawn with the seed; "
                            "k-means: centres of queries and of keys, each by themselves."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> nystromformer() { return std::make_unique<Nystromformer>(); }

} // namespace attnscope::methods
