// SPDX-License-Identifier: GPL-3.0-or-later
// Reformer: queries and keys are hashed by random rotations, sorted by bucket, and attend within chunks of the sorted order.
#include "core/engine/grouped_method.h"
#include "core/engine/lost_mass.h"
#include "core/engine/lsh.h"

#include <algorithm>

namespace attnscope::methods {

namespace {

class Reformer final : public GroupedMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        return lostMassTheory(*this, in, head, params, "rounds", {1, 2, 4, 8, 16}, TheoryKind::LowerBound, context);
    }

protected:
    GroupedHead problem(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;
};

GroupedHead Reformer::problem(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    const Index bucket = params.integer("bucket");
    const Tensor rotations = drawRotations(params.integer("rounds"), in.q.cols(), lshBuckets(in.k.rows(), bucket), params.seed);
    if (params.text("keys") == "tied")
        return tiedLshHead(in, head, rotations, bucket, context);
    GroupedHead grouped = groupedHead(in, head);
    grouped.groups = separateLshGroups(grouped.q, grouped.k, rotations, bucket, context);
    return grouped;
}

Cost Reformer::cost(const Shape& s, const Params& params, bool) const
{
    const auto rounds = params.number("rounds");
    const auto queries = static_cast<double>(s.queries);
    const auto keys = static_cast<double>(s.keys);
    const auto bucket = static_cast<double>(params.integer("bucket"));
    const auto buckets = static_cast<double>(lshBuckets(s.keys, params.integer("bucket")));
    const double pairs = rounds * queries * std::min(keys, 2.0 * bucket * std::max(1.0, keys / queries));
    Cost cost = groupedCost(s, pairs, rounds * queries);
    cost.flops += static_cast<double>(s.batch * s.heads) * rounds * (queries + keys) * static_cast<double>(s.dim) * buckets;
    cost.peakBytes +=
        rounds * 16.0 * (queries + 2.0 * keys) + 4.0 * keys * static_cast<double>(s.dim) + RunContext{}.threadCount() * 256.0 * buckets;
    return cost;
}

const MethodInfo& Reformer::info() const
{
    static const MethodInfo info{
        .id = "reformer",
        .title = "Reformer (LSH)",
        .family = "sparse",
        .summary = "Queries and keys that point the same way land in the same bucket of a random rotation; sorted by bucket, each chunk "
                   "attends to itself and to the chunk before it, and several rounds of hashing are merged by their softmax mass.",
        .formula = "h(x) = argmax [x R; −x R];  sort by (h, position);  oᵢ = Σ_r e^(lseᵢʳ − lseᵢ) softmax over chunk c(i) and c(i) − 1;  "
                   "tied: k_j = q_j/|q_j|, logit of the own key −5·10⁴",
        .assumes = "A query's large weights belong to keys that point its way; more rounds find more of them.",
        .loses = "Large weights of keys that fall into other chunks, and, where causal, early queries whose chunk holds only later keys: "
                 "these rows are 0 unless tied. Hashing itself costs n²/bucket products a round.",
        .learned = "The published model ties K to Q in training. On the separate Q and K of another model the tied form replaces K; "
                   "hashing Q and K separately, as chosen first here, is an adaptation.",
        .reference =
            "Kitaev, Kaiser, Levskaya, Reformer: The Efficient Transformer, ICLR 2020, arXiv:2001.04451; chunks and rounds as in "
            "the reformer-pytorch package: the first chunk of a round looks back to the last chunk of the round before, and a pair "
            "found in several rounds counts each time",
        .timeGrowth = "r n (b + n/b) d",
        .memoryGrowth = "r n d",
        .supportsCausal = true,
        .randomised = true,
        .rowsSumToOne = false,
        .positional = true,
        .laterTokensMatter = true,
        .params = {{.key = "bucket",
                    .label = "Bucket",
                    .unit = "tokens",
                    .initial = 64,
                    .min = 2,
                    .max = 4096,
                    .integer = true,
                    .help = "Tokens in a chunk of the sorted order; there are about n/bucket buckets, an even number."},
                   {.key = "rounds",
                    .label = "Rounds",
                    .initial = 8,
                    .min = 1,
                    .max = 32,
                    .integer = true,
                    .help = "Independent hashings that are merged."},
                   {.key = "keys",
                    .label = "Keys",
                    .kind = ParamKind::Choice,
                    .choices = {"separate", "tied"},
                    .help = "separate: Q and K are hashed and sorted each for itself, and chunks of equal rank meet; tied: the published "
                            "form, in which normalised queries serve as keys (places without a query keep their own key)."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> reformer() { return std::make_unique<Reformer>(); }

} // namespace attnscope::methods
