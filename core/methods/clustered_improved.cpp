// SPDX-License-Identifier: GPL-3.0-or-later
// Improved clustered attention: the keys that matter most to a cluster are worked out for each of its queries.
#include "core/engine/clustered_map.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace attnscope::methods {

namespace {

class ClusteredImproved final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override;
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        return runImprovedClustered(in, clusterOptions(params), params.integer("k"), context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        return makeImprovedClusteredSource(in, head, clusterOptions(params), params.integer("k"), context);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;
};

Cost ClusteredImproved::cost(const Shape& s, const Params& params, bool) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto n = static_cast<double>(s.queries);
    const auto m = static_cast<double>(s.keys);
    const double clusters = std::min(params.number("clusters"), n);
    const double top = std::min(params.number("k"), m);
    const auto width = static_cast<double>(s.dim + s.valueDim);
    const double grouping = n * params.number("bits") * (2.0 * static_cast<double>(s.dim) + params.number("iterations")) +
                            n * clusters * params.number("iterations");
    return {heads * (2.0 * (clusters * m + n * top) * width + grouping), 4.0 * heads * (n + m + n * top) * width,
            4.0 * heads * n * static_cast<double>(s.valueDim) +
                RunContext{}.threadCount() *
                    (32.0 * n + 128.0 * m + clusters * 8.0 * (width + 64.0) + 4.0 * (top + 128.0) * (width + top))};
}

/// The mean row of a cluster over the keys, as weights.
std::vector<double> centreRow(const Inputs& in, HeadRef head, const std::vector<Index>& members)
{
    std::vector<double> row(static_cast<std::size_t>(in.k.rows()), 0.0);
    for (std::size_t j = 0; j < row.size(); ++j)
        for (const Index i : members)
            row[j] += definedLogit(in, head, i, static_cast<Index>(j)) / static_cast<double>(members.size());
    const double top = *std::max_element(row.begin(), row.end());
    double sum = 0.0;
    for (double& x : row)
        sum += x = std::exp(x - top);
    for (double& x : row)
        x /= sum;
    return row;
}

/// Row i's own softmax over some keys, times their mass; 0 where it sees none of them.
void weighOwn(const Inputs& in, HeadRef head, Index i, const std::vector<Index>& keys, double mass, DefinedMap& map)
{
    double most = -std::numeric_limits<double>::infinity();
    for (const Index j : keys)
        most = std::max(most, definedLogit(in, head, i, j));
    double sum = 0.0;
    for (const Index j : keys)
        sum += map.at(i, j) = std::exp(definedLogit(in, head, i, j) - most);
    for (const Index j : keys)
        map.at(i, j) *= mass / sum;
}

/// The cluster's row; on its k largest keys, each member's own softmax over these times what the row gives them together. Causal: the
/// visible ones of these keys alone.
Result<DefinedMap> ClusteredImproved::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const QueryClusters groups = clusterQueries(in.qOf(head), clusterOptions(params));
    DefinedMap map(in.q.rows(), in.k.rows());
    const Index top = std::min(params.integer("k"), map.cols);
    for (const std::vector<Index>& members : groups.members) {
        const std::vector<double> row = centreRow(in, head, members);
        std::vector<std::pair<double, Index>> ranked;
        for (Index j = 0; j < map.cols; ++j)
            ranked.emplace_back(-row[static_cast<std::size_t>(j)], j);
        std::sort(ranked.begin(), ranked.end());
        ranked.resize(static_cast<std::size_t>(top));
        double mass = 0.0;
        for (const auto& [weight, key] : ranked)
            mass -= weight;
        for (const Index i : members) {
            std::vector<Index> keys;
            for (const auto& [weight, key] : ranked)
                if (!in.causal || key <= i + map.cols - map.rows)
                    keys.push_back(key);
            if (!in.causal)
                std::copy(row.begin(), row.end(), map.cells.begin() + i * map.cols);
            weighOwn(in, head, i, keys, in.causal ? 1.0 : mass, map);
        }
    }
    return map;
}

Result<std::vector<TheoryCurve>> ClusteredImproved::theory(const Inputs& in, HeadRef head, const Params& params,
                                                           const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    if (in.causal)
        return std::vector<TheoryCurve>{{.title = "No bound",
                                         .source = "fast-transformers, causal-improved-clustered",
                                         .kind = TheoryKind::Guidance,
                                         .caption = "The paper's propositions speak of the bidirectional form; causally only a cluster's k "
                                                    "largest keys count, and a query that comes before all of them gets nothing."}};
    auto curves = clusteredTheory(in, head, clusterOptions(params), context);
    if (!curves)
        return curves;
    curves->front().title = "Error of each row of plain clustered attention";
    curves->front().caption =
        "Improved clustered attention is never further from softmax than plain clustered attention in the sum of absolute "
        "differences of a row (proposition 2); the bound and what is measured are those of the plain one.";
    return curves;
}

const MethodInfo& ClusteredImproved::info() const
{
    static const MethodInfo info{
        .id = "clustered-improved",
        .title = "Improved clustered attention",
        .family = "landmark",
        .summary =
            "Clustered attention, but on the k keys that weigh most for a cluster's mean each member has weights of its own, which add "
            "up to the mean's.",
        .formula = "Aᵢⱼ = m_c softmax_{j ∈ T_c}(s qᵢ·kⱼ) for j ∈ T_c, else A^c_j;  A^c = softmax(s q̄_c Kᵀ),  T_c = its k largest keys,  "
                   "m_c = Σ_{j ∈ T_c} A^c_j",
        .assumes = "Queries come in groups that look at the same few keys.",
        .loses =
            "How much a query gives to those keys together, and everything that sets it apart on the others; causally also whatever lies "
            "outside those keys, and queries before all of them get nothing.",
        .reference =
            "Vyas, Katharopoulos, Fleuret, Fast Transformers with Clustered Attention, NeurIPS 2020, arXiv:2007.04825, section 3.3",
        .timeGrowth = "n (C + k) d",
        .memoryGrowth = "n + C (k + d)",
        .supportsCausal = true,
        .randomised = true,
        .rowsSumToOne = false, // bidirectionally they do; causally a row that sees none of its keys is 0
        .positional = true,
        .laterTokensMatter = true,
        .exactWith = {{"k", "4096"}},
        .params = withClusterParams(
            {{.key = "clusters",
              .label = "Clusters",
              .initial = 100,
              .min = 1,
              .max = 4096,
              .integer = true,
              .help = "Clusters C of queries, cut at their number; first centres are queries at places drawn with the seed."},
             {.key = "k",
              .label = "Keys worked out",
              .unit = "keys",
              .initial = 32,
              .min = 1,
              .max = 4096,
              .integer = true,
              .help = "Largest keys of a cluster's mean that each member weighs for itself; all of them give exact attention."}}),
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> clustered_improved() { return std::make_unique<ClusteredImproved>(); }

} // namespace attnscope::methods
