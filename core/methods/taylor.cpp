// SPDX-License-Identifier: GPL-3.0-or-later
// Second-order Taylor attention: exp(t) replaced by 1 + t + t²/2, which is a product of features.
#include "core/engine/kernel_method.h"
#include "core/engine/taylor_features.h"
#include "core/scores/softmax_source.h"

#include <algorithm>

namespace attnscope::methods {

namespace {

Index dimOf(Index dim, const Params& params) { return taylorDim(dim, params.integer("dim")); }

/// Null where all dimensions stay; Cancelled.
Result<std::shared_ptr<const Tensor>> projectionFor(const Inputs& in, HeadRef head, const Params& params, const RunContext& context)
{
    const Index count = dimOf(in.q.cols(), params);
    if (count == in.q.cols())
        return std::shared_ptr<const Tensor>();
    auto directions = principalDirections(in.qOf(head), in.kOf(head), count, context);
    if (!directions)
        return cancelledError();
    return directions;
}

class Taylor final : public KernelMethod {
public:
    const MethodInfo& info() const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        const auto projection = projectionFor(in, head, params, context);
        if (!projection)
            return projection.error();
        return std::vector{taylorRemainder(in, head, projection->get(), params.seed)};
    }

protected:
    Result<std::unique_ptr<const FeatureMap>> inputMap(const Inputs& in, HeadRef head, const Params& params,
                                                       const RunContext& context) const override
    {
        auto projection = projectionFor(in, head, params, context);
        if (!projection)
            return projection.error();
        return makeTaylorFeatures(in.q.cols(), *std::move(projection), in.effectiveScale());
    }
    /// The directions are those of one head.
    bool mapPerHead(const Params& params) const override { return params.integer("dim") > 0; }
    Index features(Index dim, const Params& params) const override { return taylorCount(dimOf(dim, params)); }
    double featureFlops(Index dim, const Params& params) const override
    {
        const Index count = dimOf(dim, params);
        return static_cast<double>(taylorCount(count) + (count < dim ? 2 * dim * count : 0));
    }
};

/// 1 + t + t²/2 of each logit, over its row sum; never below 1/2, so no sum is 0.
Result<DefinedMap> Taylor::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const DefinedTaylor defined = definedTaylor(in, head, params.integer("dim"));
    DefinedMap map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i) {
        double sum = 0.0;
        double size = 0.0;
        for (Index j = 0; j < visibleKeys(in, i); ++j) {
            sum += map.at(i, j) = taylorOf(defined.logits.at(i, j));
            size += taylorOf(defined.sizes.at(i, j));
        }
        for (Index j = 0; j < visibleKeys(in, i); ++j)
            map.at(i, j) /= sum;
        map.condition = std::max(map.condition, size / sum);
    }
    return map;
}

const MethodInfo& Taylor::info() const
{
    static const MethodInfo info{
        .id = "taylor",
        .title = "Taylor (second order)",
        .family = "kernel",
        .summary = "Replaces exp(t) by 1 + t + t²/2, which is a product of (d + 1)(d + 2)/2 features: close to softmax where logits stay "
                   "within about ±1.",
        .formula = "Â_ij = (1 + t_ij + t_ij²/2) / Σ_l (1 + t_il + t_il²/2),  t = scale q·k,  φ(x) = [1, x, x_a²/√2, x_a x_b (a < b)]",
        .assumes = "That logits are small: the error of a weight is at most |t|³/6 max(1, e^t).",
        .loses = "Sharp rows, as a polynomial grows slower than exp; keys with t < -1, which gain weight the more they oppose the query.",
        .learned = "Based learns a projection of queries and keys to 16 dimensions; here all dimensions stay, or the principal ones of "
                   "the head.",
        .reference = "Arora et al., Simple linear attention language models balance the recall-throughput tradeoff (Based), ICML 2024, "
                     "arXiv:2402.18668",
        .timeGrowth = "n d³",
        .memoryGrowth = "d³",
        .supportsCausal = true,
        .params = {{.key = "dim",
                    .label = "Dimensions",
                    .initial = 0,
                    .min = 0,
                    .max = 1024,
                    .integer = true,
                    .help = "0: all of them, (d + 1)(d + 2)/2 features; else q and k are first projected to this many principal "
                            "dimensions of the head, which in the causal form looks at the whole sequence."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> taylor() { return std::make_unique<Taylor>(); }

} // namespace attnscope::methods
