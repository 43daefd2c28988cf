// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/exact_products.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/streaming_softmax.h"

#include <algorithm>
#include <vector>

namespace attnscope {

Result<Tensor> exactTimes(const Inputs& in, HeadRef head, MatrixView<const float> x, const RunContext& context)
{
    Tensor y(1, 1, in.q.rows(), x.cols);
    const StreamingTask task{in.qOf(head), in.kOf(head), x, in.effectiveScale(),
                             fullSupport(in.q.rows(), in.k.rows(), in.causal, in.window)};
    const bool done = parallelFor(y.rows(), kStreamQueries, context, [&](Index first, Index last) {
        streamQueries(task, first, last - first, y.matrix().rowRange(first, last - first), nullptr);
    });
    if (!done)
        return cancelledError();
    return y;
}

Result<Tensor> transposedTimes(const ScoreSource& map, MatrixView<const float> y, const RunContext& context)
{
    constexpr Index kKeys = 256;
    constexpr Index kQueries = 256;
    Tensor z(1, 1, map.cols(), y.cols);
    std::fill(z.values().begin(), z.values().end(), 0.0F);
    const bool done = parallelFor(z.rows(), kKeys, context, [&](Index first, Index last) {
        std::vector<float> tile(static_cast<std::size_t>(kQueries * (last - first)));
        for (Index row = 0; row < y.rows && !context.cancelled(); row += kQueries) {
            const Index rows = std::min(kQueries, y.rows - row);
            const MatrixView<float> cells{tile.data(), rows, last - first, last - first};
            if (map.isZero(row, first, rows, last - first) || !map.read({row, first, rows, last - first, 0}, Pool::Mean, cells, context))
                continue; // a failed read means that the run was stopped, which parallelFor reports
            gemmTN(cells, y.rowRange(row, rows), z.matrix().rowRange(first, last - first), 1.0F, Into::Add);
        }
    });
    if (!done)
        return cancelledError();
    return z;
}

} // namespace attnscope
