// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/map_product.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"

#include <algorithm>
#include <mutex>

namespace attnscope {

namespace {

constexpr Index kStripRows = 64; // read over all their keys at once, for the maps that are swept from the last key back

Result<void> multiplyMap(const ScoreSource& map, MatrixView<const float> v, MatrixView<float> out, const RunContext& context)
{
    std::mutex mutex;
    Result<void> failure;
    const bool done = parallelFor(map.rows(), kStripRows, context, [&](Index first, Index last) {
        const KeyRange seen = map.visibleToAny(first, last - first);
        Tensor cells(1, 1, last - first, seen.size());
        if (auto read = map.read({first, seen.first, last - first, seen.size(), 0}, Pool::Mean, cells.matrix(), context); !read) {
            const std::lock_guard lock(mutex);
            failure = read;
            return;
        }
        gemmNN(std::as_const(cells).matrix(), v.rowRange(seen.first, seen.size()), out.rowRange(first, last - first));
    });
    if (!done)
        return cancelledError();
    return failure;
}

} // namespace

Result<Tensor> runByMap(const AttentionMethod& method, const Inputs& in, const Params& params, const RunContext& context)
{
    if (auto ready = checkRunnable(method, in, params, context); !ready)
        return ready.error();
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    for (Index h = 0; h < s.batch * s.heads; ++h) {
        const HeadRef head{h / s.heads, h % s.heads};
        const auto map = method.scores(in, head, params, context);
        if (!map)
            return map.error();
        if (auto done = multiplyMap(**map, in.vOf(head), out.matrix(head), context); !done)
            return done.error();
    }
    return out;
}

} // namespace attnscope
