// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/map_preview.h"

#include "core/scores/pooling.h"

#include <algorithm>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kStripCols = 8192; // asks for stop often

// Spread without a period that a map could share: the golden ratio's multiples.
Index firstRow(Index group, Index rows)
{
    const Index places = std::max<Index>(1, rows / kPreviewRows);
    const double at = 0.6180339887498949 * static_cast<double>(group + 1);
    return kPreviewRows * static_cast<Index>((at - static_cast<double>(static_cast<Index>(at))) * static_cast<double>(places));
}

} // namespace

Result<void> estimateMap(const ScoreSource& source, Pool pool, int level, MatrixView<float> out, const RunContext& context)
{
    std::vector<float> strip(static_cast<std::size_t>(kPreviewRows * kStripCols));
    PoolAccumulator accumulator(out, pool, level);
    for (Index group = 0; group < out.rows; ++group) {
        const Index begin = group << level;
        const Index end = std::min(begin + (Index{1} << level), source.rows());
        const Index row = begin + firstRow(group, end - begin);
        const Index rows = std::min(kPreviewRows, end - row);
        for (Index col = 0; col < source.cols(); col += kStripCols) {
            if (context.cancelled())
                return cancelledError();
            const Index cols = std::min(kStripCols, source.cols() - col);
            if (source.isZero(row, col, rows, cols)) {
                accumulator.addZeros(row, col, rows, cols);
                continue;
            }
            const MatrixView<float> cells{strip.data(), rows, cols, cols};
            if (auto done = source.read({row, col, rows, cols, 0}, pool, cells, context); !done)
                return done;
            accumulator.add(row, col, cells);
        }
    }
    accumulator.finish();
    return {};
}

} // namespace attnscope
