// SPDX-License-Identifier: GPL-3.0-or-later
// Routing Transformer: queries and keys are clustered on the sphere; each cluster's nearest queries attend to its nearest keys.
#include "core/engine/grouped_method.h"
#include "core/engine/lost_mass.h"
#include "core/engine/spherical_clusters.h"

#include <algorithm>
#include <cmath>

namespace attnscope::methods {

namespace {

Index clusterCount(Index keys, const Params& params)
{
    const Index asked = params.integer("clusters");
    return std::clamp<Index>(asked > 0 ? asked : std::llround(std::sqrt(static_cast<double>(keys))), 1, keys);
}

class Routing final : public GroupedMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        return lostMassTheory(*this, in, head, params, "clusters", {2, 4, 8, 16, 32}, TheoryKind::LowerBound, context);
    }

protected:
    GroupedHead problem(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        GroupedHead grouped = groupedHead(in, head);
        grouped.merge = GroupMerge::Mean;
        const Index clusters = clusterCount(in.k.rows(), params);
        const Tensor centres = sphericalCentres(grouped.q, grouped.k, clusters, params.integer("iterations"), params.seed, context);
        grouped.groups = routedGroups(grouped.q, grouped.k, centres.matrix(), std::max<Index>(1, in.q.rows() / clusters),
                                      std::max<Index>(1, in.k.rows() / clusters), context);
        return grouped;
    }
};

Cost Routing::cost(const Shape& s, const Params& params, bool) const
{
    const auto clusters = static_cast<double>(clusterCount(s.keys, params));
    const auto queries = static_cast<double>(s.queries);
    const auto keys = static_cast<double>(s.keys);
    const double pairs = queries * std::max(1.0, keys / clusters) + clusters;
    Cost cost = groupedCost(s, pairs, queries + clusters);
    const double assigning = 2.0 * (queries + keys) * clusters * static_cast<double>(s.dim);
    cost.flops += static_cast<double>(s.batch * s.heads) * assigning * (1.0 + params.number("iterations"));
    cost.peakBytes += 4.0 * (queries + keys) * (clusters + static_cast<double>(s.dim) + 4.0) + 8.0 * clusters * static_cast<double>(s.dim);
    return cost;
}

const MethodInfo& Routing::info() const
{
    static const MethodInfo info{
        .id = "routing",
        .title = "Routing Transformer",
        .family = "sparse",
        .summary = "Spherical k-means over queries and keys; each cluster takes the n/C queries and the n/C keys nearest to its centre and "
                   "they attend among themselves. A token may be in several clusters, whose answers are averaged, or in none.",
        .formula =
            "Q_c = top-n/C of q̂·μ_c,  K_c = top-n/C of k̂·μ_c;  oᵢ = mean over {c : i ∈ Q_c} of softmax(s qᵢ·K_c) V_c;  0 in no cluster",
        .assumes = "Queries and the keys that matter to them fall into the same cluster, and clusters are of about equal size.",
        .loses = "Tokens that no cluster takes get an output of 0, and keys outside the query's clusters are never seen.",
        .learned = "The published centres are moving averages over training; here they are k-means centres of this head's own queries and "
                   "keys. The learned memory keys of the package are left out, so a causal query may see nothing and gets 0.",
        .reference =
            "Roy et al., Efficient Content-Based Sparse Attention with Routing Transformers, TACL 2021, arXiv:2003.05997; grouping "
            "as in the routing-transformer package",
        .timeGrowth = "n (C + n/C) d",
        .memoryGrowth = "n (C + d)",
        .supportsCausal = true,
        .randomised = true,
        .rowsSumToOne = false,
        .positional = true, // centres are drawn by place
        .laterTokensMatter = true,
        .exactWith = {{"clusters", "1"}},
        .params = {{.key = "clusters",
                    .label = "Clusters",
                    .initial = 0,
                    .min = 0,
                    .max = 4096,
                    .integer = true,
                    .help = "Clusters C; 0 takes the square root of the number of keys, where the cost is least."},
                   {.key = "iterations",
                    .label = "k-means steps",
                    .initial = 10,
                    .min = 0,
                    .max = 100,
                    .integer = true,
                    .help = "Steps of spherical k-means from centres drawn among queries and keys."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> routing() { return std::make_unique<Routing>(); }

} // namespace attnscope::methods
