// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_source.h"

#include "core/base/parallel.h"
#include "core/engine/kernel_engine.h"
#include "core/engine/rescaling_source.h"
#include "core/scores/low_rank_source.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
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

bool fillTable(FeatureTable& table, const FeatureMap& map, Side side, MatrixView<const float> x, const RunContext& context)
{
    return parallelFor(x.rows, kKernelChunk, context, [&](Index first, Index last) {
        map.compute(side, x.rowRange(first, last - first), table.rows(first, last - first));
    });
}

/// The factors L Rᵀ of the map, relative to one shift for all keys. Empty where a row's scale is too far from that.
LowRankFactors factors(const FeatureTable& queries, const FeatureTable& keys, const Denominators& denominators, Index firstVisible)
{
    const Index n = queries.values.rows();
    const Index m = keys.values.rows();
    const Index features = keys.values.cols();
    std::vector<float> shift(static_cast<std::size_t>(features), -1e30F);
    raiseShift(keys.rows(0, m), shift);
    LowRankFactors made{Tensor(1, 1, n, features), Tensor(1, 1, m, features), firstVisible};
    std::vector<float> logScale(static_cast<std::size_t>(n));
    scaleQueries(queries.rows(0, n), shift, made.left.matrix(), logScale);
    for (Index i = 0; i < n; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const double lift = static_cast<double>(logScale[at]) - denominators.logScale[at];
        const double divisor = denominators.values[at];
        if (lift - std::log(std::max(std::abs(divisor), 1e-300)) > kMaxLift)
            return {};
        for (float& x : made.left.matrix().rowSpan(i))
            x = static_cast<float>(x * std::exp(lift) / divisor);
    }
    scaleKeys(keys.rows(0, m), shift, made.right.matrix());
    return made;
}

} // namespace

Result<std::shared_ptr<const ScoreSource>> makeKernelSource(const Inputs& inputs, HeadRef head, const FeatureMap& map,
                                                            const RunContext& context)
{
    const Inputs one = withoutValues(inputs, head);
    Denominators denominators{std::vector<double>(static_cast<std::size_t>(one.q.rows())),
                              std::vector<float>(static_cast<std::size_t>(one.q.rows()))};
    const bool visited = visitQueries(one, map, context, [&](const QueryBlock& block) {
        std::copy(block.denominators.begin(), block.denominators.end(), denominators.values.begin() + block.first);
        std::copy(block.logScale.begin(), block.logScale.begin() + static_cast<Index>(block.denominators.size()),
                  denominators.logScale.begin() + block.first);
    });
    FeatureTable queries(one.q.rows(), map);
    FeatureTable keys(one.k.rows(), map);
    if (!visited || !fillTable(queries, map, Side::Query, one.q.matrix({}), context) ||
        !fillTable(keys, map, Side::Key, one.k.matrix({}), context))
        return cancelledError();
    const Index firstVisible = visibleKeys(one, 0);
    auto made = factors(queries, keys, denominators, firstVisible);
    if (!made.left.empty())
        return makeLowRankSource(std::move(made));
    return makeRescalingSource(std::move(queries), std::move(keys), std::move(denominators), firstVisible);
}

} // namespace attnscope
