// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_source.h"

#include "core/base/parallel.h"
#include "core/engine/computed_factors.h"
#include "core/engine/kernel_engine.h"
#include "core/engine/rescaling_source.h"
#include "core/scores/low_rank_source.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <atomic>
#include <optional>

namespace attnscope {

namespace {

TensorView<const float> asTensor(MatrixView<const float> m) { return {m.data, {1, 1, m.rows, m.cols}, {0, 0, m.stride}}; }

/// One head as inputs of its own, without values: the engine then finds denominators alone.
Inputs withoutValues(const Inputs& in, HeadRef head)
{
    Inputs one{asTensor(in.qOf(head)), asTensor(in.kOf(head)), asTensor(in.vOf(head)), in.causal, in.effectiveScale(), in.owner};
    one.v.shape[3] = 0;
    return one;
}

bool fillTable(FeatureTable& table, const FeatureMap& map, Side side, MatrixView<const float> x, const RunContext& context)
{
    return parallelFor(x.rows, kKernelChunk, context, [&](Index first, Index last) {
        map.computeAt(side, first, x.rowRange(first, last - first), table.rows(first, last - first));
    });
}

/// The factors L Rᵀ of the map, relative to one shift for all keys. Empty where a row's scale is too far from that, or when
/// stopped.
LowRankFactors factors(const FeatureTable& queries, const FeatureTable& keys, const Denominators& denominators, Index firstVisible,
                       const RunContext& context)
{
    const Index n = queries.values.rows();
    const Index m = keys.values.rows();
    const Index features = keys.values.cols();
    std::vector<float> shift(static_cast<std::size_t>(features), -1e30F);
    raiseShift(keys.rows(0, m), shift);
    LowRankFactors made{Tensor(1, 1, n, features), Tensor(1, 1, m, features), firstVisible};
    std::atomic<bool> fits{true};
    const bool done = parallelFor(n, kKernelChunk, context, [&](Index first, Index last) {
        std::vector<float> logScale(static_cast<std::size_t>(last - first));
        const auto left = made.left.matrix().rowRange(first, last - first);
        scaleQueries(queries.rows(first, last - first), shift, left, logScale);
        if (!divideRows(first, logScale, denominators, left))
            fits = false;
    });
    if (!done || !fits)
        return {};
    parallelFor(m, kKernelChunk, context, [&](Index first, Index last) {
        scaleKeys(keys.rows(first, last - first), shift, made.right.matrix().rowRange(first, last - first));
    });
    return made;
}

/// None when stopped.
std::optional<Denominators> denominatorsOf(const Inputs& one, const FeatureMap& map, const RunContext& context)
{
    Denominators denominators{std::vector<double>(static_cast<std::size_t>(one.q.rows())),
                              std::vector<float>(static_cast<std::size_t>(one.q.rows()))};
    const bool visited = visitQueries(one, map, context, [&](const QueryBlock& block) {
        std::transform(block.denominators.begin(), block.denominators.end(), block.logScale.begin(),
                       denominators.values.begin() + block.first,
                       [&map](double sum, float logScale) { return map.divisor(sum, static_cast<double>(logScale)); });
        std::copy(block.logScale.begin(), block.logScale.begin() + static_cast<Index>(block.denominators.size()),
                  denominators.logScale.begin() + block.first);
    });
    return visited ? std::optional(std::move(denominators)) : std::nullopt;
}

Result<std::shared_ptr<const ScoreSource>> keptSource(const Inputs& one, const FeatureMap& map, Denominators denominators,
                                                      const RunContext& context, Provenance provenance)
{
    FeatureTable queries(one.q.rows(), map);
    FeatureTable keys(one.k.rows(), map);
    if (!fillTable(queries, map, Side::Query, one.q.matrix({}), context) || !fillTable(keys, map, Side::Key, one.k.matrix({}), context))
        return cancelledError();
    const Index firstVisible = visibleKeys(one, 0);
    auto made = factors(queries, keys, denominators, firstVisible, context);
    if (context.cancelled())
        return cancelledError();
    if (!made.left.empty())
        return makeLowRankSource(std::move(made), provenance);
    return makeRescalingSource(std::move(queries), std::move(keys), std::move(denominators), firstVisible, provenance);
}

double keptBytes(Index queries, Index keys, Index features)
{
    return 8.0 * static_cast<double>(queries + keys) * static_cast<double>(features);
}

} // namespace

double kernelSourceBytes(Index queries, Index keys, Index features)
{
    const double kept = keptBytes(queries, keys, features);
    return kept > kMostKeptBytes ? 12.0 * static_cast<double>(queries) + kept / 128.0 : kept;
}

Result<std::shared_ptr<const ScoreSource>> makeKernelSource(const Inputs& inputs, HeadRef head, const FeatureMap& map,
                                                            const RunContext& context, Provenance provenance)
{
    const Inputs one = withoutValues(inputs, head);
    auto denominators = denominatorsOf(one, map, context);
    if (!denominators)
        return cancelledError();
    return keptSource(one, map, *std::move(denominators), context, provenance);
}

Result<std::shared_ptr<const ScoreSource>> makeKernelSource(const Inputs& inputs, HeadRef head, std::shared_ptr<const FeatureMap> map,
                                                            const RunContext& context, Provenance provenance)
{
    const double bytes = keptBytes(inputs.q.rows(), inputs.k.rows(), map->features());
    if (bytes <= kMostKeptBytes)
        return makeKernelSource(inputs, head, *map, context, provenance);
    const Inputs one = withoutValues(inputs, head);
    auto denominators = denominatorsOf(one, *map, context);
    if (!denominators)
        return cancelledError();
    const auto shared = std::make_shared<const Denominators>(*std::move(denominators));
    auto computed = computedFactors(one, map, shared, context);
    if (context.cancelled())
        return cancelledError();
    if (computed)
        return makeLowRankSource(std::move(computed->left), std::move(computed->right), visibleKeys(one, 0), provenance);
    if (bytes > static_cast<double>(context.memoryBudget))
        return Error{Errc::OutOfMemory,
                     "The rows of this causal map differ so much in scale that all their features would have to be kept.",
                     "Use fewer features or a shorter input."};
    return keptSource(one, *map, *shared, context, provenance);
}

} // namespace attnscope
