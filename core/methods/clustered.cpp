// SPDX-License-Identifier: GPL-3.0-or-later
// Clustered attention: similar queries share the attention of their mean.
#include "core/engine/clustered_map.h"
#include "core/engine/support_softmax.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace attnscope::methods {

namespace {

class Clustered final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override
    {
        const auto heads = static_cast<double>(s.batch * s.heads);
        const auto n = static_cast<double>(s.queries);
        const auto m = static_cast<double>(s.keys);
        const double clusters = std::min(params.number("clusters"), n);
        const auto width = static_cast<double>(s.dim + s.valueDim);
        const double grouping = n * params.number("bits") * (2.0 * static_cast<double>(s.dim) + params.number("iterations")) +
                                n * clusters * params.number("iterations");
        return {heads * (2.0 * clusters * m * width + grouping), 4.0 * heads * (n + m) * width,
                4.0 * heads * n * static_cast<double>(s.valueDim) +
                    RunContext{}.threadCount() * (32.0 * n + clusters * 8.0 * (width + 64.0) + streamScratchBytes(s.dim, s.valueDim))};
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        return runClustered(in, clusterOptions(params), context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        auto factors = clusteredFactors(in, head, clusterOptions(params), context);
        if (!factors)
            return factors.error();
        return makeLowRankSource(*std::move(factors));
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        return clusteredTheory(in, head, clusterOptions(params), context);
    }
    Index rankBound(const Shape& s, const Params& params) const override { return std::min(params.integer("clusters"), s.queries); }
};

/// Row i: softmax(scale mean of i's cluster . k_j), with the clusters as they are found.
Result<DefinedMap> Clustered::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const QueryClusters groups = clusterQueries(in.qOf(head), clusterOptions(params));
    DefinedMap map(in.q.rows(), in.k.rows());
    for (const std::vector<Index>& members : groups.members) {
        std::vector<double> row(static_cast<std::size_t>(map.cols), 0.0);
        for (Index j = 0; j < map.cols; ++j)
            for (const Index i : members)
                row[static_cast<std::size_t>(j)] += definedLogit(in, head, i, j) / static_cast<double>(members.size());
        const double top = *std::max_element(row.begin(), row.end());
        double sum = 0.0;
        for (double& x : row)
            sum += x = std::exp(x - top);
        for (const Index i : members)
            for (Index j = 0; j < map.cols; ++j)
                map.at(i, j) = row[static_cast<std::size_t>(j)] / sum;
    }
    return map;
}

const MethodInfo& Clustered::info() const
{
    static const MethodInfo info{
        .id = "clustered",
        .title = "Clustered attention",
        .family = "landmark",
        .summary =
            "Groups similar queries, by sign hashes and Lloyd's iteration in Hamming space, and lets each group's mean attend for all of "
            "its members.",
        .formula = "Aᵢ = softmax(s q̄_c Kᵀ) for every query i of cluster c,  q̄_c = the mean of its queries",
        .assumes = "Queries come in groups whose members attend alike.",
        .loses = "What sets a query apart from its group; the error of a row is at most s |qᵢ − q̄_c| |K|₂.",
        .reference =
            "Vyas, Katharopoulos, Fleuret, Fast Transformers with Clustered Attention, NeurIPS 2020, arXiv:2007.04825, section 3.2",
        .timeGrowth = "n C d",
        .memoryGrowth = "n + C d",
        .randomised = true,
        .positional = true,
        .exactWith = {{"clusters", "4096"}},
        .params = withClusterParams(
            {{.key = "clusters",
              .label = "Clusters",
              .initial = 100,
              .min = 1,
              .max = 4096,
              .integer = true,
              .help = "Clusters C of queries, cut at their number; first centres are queries at places drawn with the seed. As many as "
                      "queries give exact attention as long as no two queries have the same hash."}}),
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> clustered() { return std::make_unique<Clustered>(); }

} // namespace attnscope::methods
