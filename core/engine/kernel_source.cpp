// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_source.h"

#include "core/base/parallel.h"
#include "core/engine/kernel_engine.h"
#include "core/engine/rescaling_source.h"
#include "core/scores/low_rank_source.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace attnscope {

namespace {

constexpr double kMaxLift = 30.0; // exp of it times a product of features stays well inside float32

TensorView<const float> asTensor(MatrixView<const float> m) { return {m.data, {1, 1, m.rows, m.cols}, {0, 0, m.stride}}; }

/// One head as inputs of its own, without values: the engine then finds denominators alone.
Inputs withoutValues(const Inputs& in, HeadRef head)
{
    Inputs one{asTensor(in.qOf(head)), asTensor(in.kOf(head)), asTensor(in.vOf(head)), in.causal, in.effectiveScale(), in.owner};
    one.v.shape[3] = 0;
    return one;
}

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

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
        for (Index i = first; i < last; ++i) {
            const double lift = static_cast<double>(logScale[static_cast<std::size_t>(i - first)]) - denominators.logScale[at(i)];
            const double divisor = denominators.values[at(i)];
            if (lift - std::log(std::max(std::abs(divisor), 1e-300)) > kMaxLift)
                fits = false;
            const double factor = std::exp(std::min(lift, kMaxLift)) / divisor;
            for (float& x : left.rowSpan(i - first))
                x = static_cast<float>(x * factor);
        }
    });
    if (!done || !fits)
        return {};
    parallelFor(m, kKernelChunk, context, [&](Index first, Index last) {
        scaleKeys(keys.rows(first, last - first), shift, made.right.matrix().rowRange(first, last - first));
    });
    return made;
}

} // namespace

Result<std::shared_ptr<const ScoreSource>> makeKernelSource(const Inputs& inputs, HeadRef head, const FeatureMap& map,
                                                            const RunContext& context, Provenance provenance)
{
    const Inputs one = withoutValues(inputs, head);
    Denominators denominators{std::vector<double>(static_cast<std::size_t>(one.q.rows())),
                              std::vector<float>(static_cast<std::size_t>(one.q.rows()))};
    const bool visited = visitQueries(one, map, context, [&](const QueryBlock& block) {
        std::transform(block.denominators.begin(), block.denominators.end(), block.logScale.begin(),
                       denominators.values.begin() + block.first,
                       [&map](double sum, float logScale) { return map.divisor(sum, static_cast<double>(logScale)); });
        std::copy(block.logScale.begin(), block.logScale.begin() + static_cast<Index>(block.denominators.size()),
                  denominators.logScale.begin() + block.first);
    });
    FeatureTable queries(one.q.rows(), map);
    FeatureTable keys(one.k.rows(), map);
    if (!visited || !fillTable(queries, map, Side::Query, one.q.matrix({}), context) ||
        !fillTable(keys, map, Side::Key, one.k.matrix({}), context))
        return cancelledError();
    const Index firstVisible = visibleKeys(one, 0);
    auto made = factors(queries, keys, denominators, firstVisible, context);
    if (context.cancelled())
        return cancelledError();
    if (!made.left.empty())
        return makeLowRankSource(std::move(made), provenance);
    return makeRescalingSource(std::move(queries), std::move(keys), std::move(denominators), firstVisible, provenance);
}

} // namespace attnscope
