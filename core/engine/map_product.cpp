// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/map_product.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"

#include <algorithm>
#include <optional>

namespace attnscope {

namespace {

constexpr Index kTileRows = 128;
constexpr Index kTileCols = 1024;

/// The rows from `row0` on.
Result<void> multiplyRows(const ScoreSource& map, Index row0, MatrixView<const float> v, MatrixView<float> out, const RunContext& context)
{
    for (Index i = 0; i < out.rows; ++i)
        std::fill(out.row(i), out.row(i) + out.cols, 0.0F);
    const KeyRange visible = map.visibleToAny(row0, out.rows);
    Tensor tile(1, 1, out.rows, std::min(kTileCols, visible.size()));
    for (Index j = visible.first; j < visible.last; j += kTileCols) {
        const Index cols = std::min(kTileCols, visible.last - j);
        const MatrixView<float> part{tile.data(), out.rows, cols, tile.cols()};
        if (auto done = map.read({row0, j, out.rows, cols, 0}, Pool::Mean, part, context); !done)
            return done;
        gemmNN(part, v.rowRange(j, cols), out, 1.0F, Into::Add);
    }
    return {};
}

} // namespace

Result<Tensor> runByMap(const AttentionMethod& method, const Inputs& in, const Params& params, const RunContext& context)
{
    const Shape s = in.shape();
    if (auto ready = checkRunnable(method, in, params, context); !ready)
        return ready.error();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    for (Index h = 0; h < s.batch * s.heads; ++h) {
        const HeadRef head{h / s.heads, h % s.heads};
        const auto map = method.scores(in, head, params, context);
        if (!map)
            return map.error();
        const Index strips = (s.queries + kTileRows - 1) / kTileRows;
        std::vector<std::optional<Error>> failed(static_cast<std::size_t>(strips));
        const bool done = parallelFor(strips, 1, context, [&](Index strip, Index) {
            const Index row0 = strip * kTileRows;
            const auto rows = out.matrix(head).rowRange(row0, std::min(kTileRows, s.queries - row0));
            if (auto read = multiplyRows(**map, row0, in.vOf(head), rows, context); !read)
                failed[static_cast<std::size_t>(strip)] = read.error();
        });
        const auto first = std::find_if(failed.begin(), failed.end(), [](const auto& error) { return error.has_value(); });
        if (first != failed.end())
            return **first;
        if (!done)
            return cancelledError();
    }
    return out;
}

} // namespace attnscope
