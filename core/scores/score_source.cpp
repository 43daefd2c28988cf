// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/score_source.h"

#include "core/scores/pooling.h"

#include <algorithm>
#include <string>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kStripCells = Index{1} << 18; // 1 MiB of cells at a time: stays in the cache, and asks for stop often

bool inside(const Block& b, Index rows, Index cols)
{
    return b.level >= 0 && b.level < 40 && b.row0 >= 0 && b.col0 >= 0 && b.rows >= 0 && b.cols >= 0 &&
           b.row0 + b.rows <= pooledSize(rows, b.level) && b.col0 + b.cols <= pooledSize(cols, b.level);
}

} // namespace

std::string_view toString(Pool pool)
{
    constexpr std::string_view names[] = {"max", "mean", "min"};
    return names[static_cast<int>(pool)];
}

std::string_view toString(Provenance provenance)
{
    constexpr std::string_view names[] = {"exact", "implied", "fitted", "sampled", "estimated", "extrapolated"};
    return names[static_cast<int>(provenance)];
}

Result<void> ScoreSource::read(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    if (!inside(block, rows(), cols()) || out.rows != block.rows || out.cols != block.cols)
        return Error{Errc::InvalidShape,
                     "The block at row " + std::to_string(block.row0) + ", column " + std::to_string(block.col0) + ", level " +
                         std::to_string(block.level) + " leaves the " + std::to_string(rows()) + " x " + std::to_string(cols()) + " map.",
                     "Ask for rows and columns inside the map."};
    if (block.rows == 0 || block.cols == 0)
        return {};
    return block.level == 0 ? readCells(block.row0, block.col0, out, context) : readPooled(block, pool, out, context);
}

Result<float> ScoreSource::cell(Index row, Index col) const
{
    float value = 0.0F;
    if (auto done = read({row, col, 1, 1, 0}, Pool::Max, {&value, 1, 1, 1}, {}); !done)
        return done.error();
    return value;
}

Result<void> ScoreSource::readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    const Index size = Index{1} << block.level;
    const Index row0 = block.row0 * size;
    const Index col0 = block.col0 * size;
    const Index rowEnd = std::min(rows(), row0 + block.rows * size);
    const Index colEnd = std::min(cols(), col0 + block.cols * size);
    const Index stripCols = std::max(size, std::min(colEnd - col0, kStripCells) / size * size);
    const Index stripRows = std::max<Index>(1, kStripCells / stripCols);
    std::vector<float> strip(static_cast<std::size_t>(stripRows * stripCols));
    PoolAccumulator accumulator(out, pool, block.level);
    for (Index r = row0; r < rowEnd; r += stripRows)
        for (Index c = col0; c < colEnd; c += stripCols) {
            if (context.cancelled())
                return cancelledError();
            const Index cols = std::min(stripCols, colEnd - c);
            const MatrixView<float> cells{strip.data(), std::min(stripRows, rowEnd - r), cols, cols};
            if (auto done = readCells(r, c, cells, context); !done)
                return done;
            accumulator.add(r - row0, c - col0, cells);
        }
    accumulator.finish();
    return {};
}

} // namespace attnscope
