// SPDX-License-Identifier: GPL-3.0-or-later
// Kernelized attention: the Gaussian kernel of queries and keys, rows not normalised, that Skyformer approximates.
#include "core/engine/gaussian_kernel.h"
#include "core/engine/support_softmax.h"
#include "core/method/attention_method.h"

#include <cmath>

namespace attnscope::methods {

namespace {

class Kernelized final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params&, bool causal) const override
    {
        Cost cost = streamingCost(s, fullPairs(s, causal));
        cost.peakBytes += 4.0 * static_cast<double>(s.batch * s.heads * (s.queries + s.keys) * (s.dim + 2));
        return cost;
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        return runGaussian(in, context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        if (context.cancelled())
            return cancelledError();
        return makeGaussianSource(in, head);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params&) const override
    {
        DefinedMap map(in.q.rows(), in.k.rows());
        const auto q = in.qOf(head);
        const auto k = in.kOf(head);
        for (Index i = 0; i < map.rows; ++i)
            for (Index j = 0; j < map.cols; ++j) {
                double square = 0.0;
                for (Index c = 0; c < q.cols; ++c)
                    square += std::pow(static_cast<double>(q(i, c)) - k(j, c), 2);
                map.at(i, j) = std::exp(-square * in.effectiveScale() / 2.0);
            }
        return map;
    }
    Result<std::vector<TheoryCurve>> theory(const Inputs&, HeadRef, const Params&, const RunContext&) const override
    {
        return std::vector<TheoryCurve>{
            {.title = "Not an approximation of softmax",
             .source = "Chen et al. 2021, section 3",
             .kind = TheoryKind::Guidance,
             .caption =
                 "C = D_Q^(-1/2) exp(s Q Kᵀ) D_K^(-1/2) with D_Q = exp(s |q|²): each key is weighed down by its length and rows aren't "
                 "divided by their sums, so no bound towards softmax exists; where all keys are equally long, its rows are softmax's "
                 "but for a factor."}};
    }
};

const MethodInfo& Kernelized::info() const
{
    static const MethodInfo info{
        .id = "kernelized",
        .title = "Kernelized attention (Gaussian)",
        .family = "landmark",
        .summary = "A Gaussian kernel of queries and keys in place of softmax, whose rows aren't normalised; quadratic, and what Skyformer "
                   "approximates.",
        .formula = "Cᵢⱼ = exp(−s |qᵢ − kⱼ|² / 2),  O = C V;  C = D_Q^(-1/2) exp(s Q Kᵀ) D_K^(-1/2)",
        .assumes = "Nothing: it is a different attention; with keys of equal length its rows are softmax's but for a factor.",
        .loses = "The normalisation: queries far from every key get almost nothing, and long keys weigh less.",
        .reference = "Chen, Zeng, Ji, Yang, Skyformer: Remodel Self-Attention with Gaussian Kernel and Nyström Method, NeurIPS 2021, "
                     "arXiv:2111.00035, section 3",
        .timeGrowth = "n² d",
        .memoryGrowth = "n d",
        .mapIsQuadratic = true,
        .rowsSumToOne = false,
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> kernelized() { return std::make_unique<Kernelized>(); }

} // namespace attnscope::methods
