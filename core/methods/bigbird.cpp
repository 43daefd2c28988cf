// SPDX-License-Identifier: GPL-3.0-or-later
// BigBird: each block of queries sees the first and the last block, its neighbours, and a few blocks drawn at random.
#include "core/engine/block_pattern.h"
#include "core/engine/grouped_method.h"
#include "core/engine/lost_mass.h"

#include <algorithm>
#include <numeric>

namespace attnscope::methods {

namespace {

class Bigbird final : public GroupedMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override
    {
        const auto block = static_cast<double>(params.integer("block"));
        const double seen = std::min(static_cast<double>(s.keys), block * (5.0 + params.number("random")));
        const double global = std::min(static_cast<double>(s.queries), 2.0 * block);
        const double pairs = static_cast<double>(s.queries) * seen + global * static_cast<double>(s.keys);
        const double lists = 4.0 * (pairs / block + 2.0 * static_cast<double>(s.keys));
        Cost cost = groupedCost(s, pairs, static_cast<double>(s.queries));
        cost.peakBytes += lists;
        return cost;
    }
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        return lostMassTheory(*this, in, head, params, "random", {0, 1, 2, 4, 8}, TheoryKind::Prediction, context);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;

protected:
    GroupedHead problem(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;
};

BlockPattern patternOf(const Inputs& in, const Params& params)
{
    return {in.k.rows(), params.integer("block"), params.integer("random"), params.seed};
}

GroupedHead Bigbird::problem(const Inputs& in, HeadRef head, const Params& params, const RunContext&) const
{
    GroupedHead grouped = groupedHead(in, head);
    const BlockPattern pattern = patternOf(in, params);
    const Index keys = pattern.keys;
    const Index size = pattern.size;
    const auto append = [&](std::vector<std::int32_t>& list, Index first, Index last) {
        const auto at = list.size();
        list.resize(at + static_cast<std::size_t>(std::max<Index>(0, last - first)));
        std::iota(list.begin() + static_cast<std::ptrdiff_t>(at), list.end(), static_cast<std::int32_t>(first));
    };
    for (Index block = grouped.offset / size; block < pattern.blocks(); ++block) {
        AttentionGroup group;
        append(group.queries, std::max<Index>(0, block * size - grouped.offset), std::min(keys, (block + 1) * size) - grouped.offset);
        for (const Index b : pattern.seen(block, head))
            append(group.keys, b * size, std::min(keys, (b + 1) * size));
        grouped.groups.push_back(std::move(group));
    }
    return grouped;
}

/// A mask over pairs of places, written from the pattern's description.
Result<DefinedMap> Bigbird::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const BlockPattern pattern = patternOf(in, params);
    const Index offset = in.k.rows() - in.q.rows();
    std::vector<std::vector<Index>> drawn;
    for (Index b = 0; b < pattern.blocks(); ++b)
        drawn.push_back(pattern.drawn(b, head));
    return definedSoftmax(in, head, [&](Index i, Index j) {
        const Index row = (i + offset) / pattern.size;
        const Index col = j / pattern.size;
        const auto& random = drawn[static_cast<std::size_t>(row)];
        return pattern.isGlobal(row) || pattern.isGlobal(col) || std::abs(row - col) <= 1 ||
               std::find(random.begin(), random.end(), col) != random.end();
    });
}

const MethodInfo& Bigbird::info() const
{
    static const MethodInfo info{
        .id = "bigbird",
        .title = "BigBird",
        .family = "sparse",
        .summary = "Softmax over whole blocks of keys: the first and the last block, the block's own neighbourhood of three, and a few "
                   "blocks drawn at random for each block of queries; the first and the last block see everything.",
        .formula = "Aᵢⱼ = e^(qᵢ·kⱼ/√d) / Σ_{l ∈ Sᵢ} e^(qᵢ·k_l/√d) for j ∈ Sᵢ, else 0;  block(j) ∈ {first, last, block(i) − 1, block(i), "
                   "block(i) + 1} ∪ Random(block(i))",
        .assumes = "What matters is near, at the ends, or reachable in a few hops through random blocks.",
        .loses = "Single distant keys that no random block happens to cover; what is kept is renormalised, so the total variation of a row "
                 "is the exact weight of the keys that it can't see.",
        .learned = "",
        .reference = "Zaheer et al., Big Bird: Transformers for Longer Sequences, NeurIPS 2020, arXiv:2007.14062; pattern as in the Long "
                     "Range Arena (blocks of 64, 3 random). Its random blocks are redrawn here for each head and seed.",
        .timeGrowth = "n b (5 + r) d",
        .memoryGrowth = "n d",
        .randomised = true,
        .positional = true,
        .exactWith = {{"block", "4096"}},
        .params = {{.key = "block",
                    .label = "Block",
                    .unit = "tokens",
                    .initial = 64,
                    .min = 1,
                    .max = 4096,
                    .integer = true,
                    .help = "Tokens in a block; the last block may be shorter."},
                   {.key = "random",
                    .label = "Random blocks",
                    .unit = "blocks",
                    .initial = 3,
                    .min = 0,
                    .max = 64,
                    .integer = true,
                    .help = "Blocks drawn for each block of queries besides the fixed ones."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> bigbird() { return std::make_unique<Bigbird>(); }

} // namespace attnscope::methods
