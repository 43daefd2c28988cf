// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/score_source.h"

#include "core/base/parallel.h"
#include "core/scores/pooling.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

namespace attnscope {

namespace {

// Strips of half a MiB: they stay in the cache, are large enough for products, and ask for stop often.
constexpr Index kStripRows = 128;
constexpr Index kStripCols = 1024;
constexpr Index kPartCols = 8 * kStripCols;

bool inside(const Block& b, Index rows, Index cols)
{
    return b.level >= 0 && b.level < 40 && b.row0 >= 0 && b.col0 >= 0 && b.rows >= 0 && b.cols >= 0 &&
           b.row0 + b.rows <= pooledSize(rows, b.level) && b.col0 + b.cols <= pooledSize(cols, b.level);
}

} // namespace

std::string_view toString(Pool pool)
{
    constexpr std::string_view names[] = {"max", "mean", "min", "extreme"};
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

bool ScoreSource::isZero(Index row0, Index col0, Index rowCount, Index colCount) const
{
    return rowCount > 0 && !visibleToAny(row0, rowCount).meets(col0, col0 + colCount);
}

KeyRange ScoreSource::visibleToAny(Index row0, Index rowCount) const
{
    return {visible(row0).first, visible(std::min(row0 + rowCount, rows()) - 1).last};
}

Result<void> ScoreSource::readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    // Parts of the output, so that each thread owns what it pools into; a part spans at least one strip of cells.
    const Index partRows = std::max<Index>(1, kStripRows >> block.level);
    const Index partCols = std::max<Index>(1, kPartCols >> block.level);
    const Index across = (block.cols + partCols - 1) / partCols;
    const Index parts = (block.rows + partRows - 1) / partRows * across;
    std::mutex mutex;
    Result<void> failure;
    const bool done = parallelFor(parts, 1, context, [&](Index first, Index last) {
        for (Index p = first; p < last; ++p) {
            const Index r = p / across * partRows;
            const Index c = p % across * partCols;
            const Index rowCount = std::min(partRows, block.rows - r);
            const Index colCount = std::min(partCols, block.cols - c);
            const Block part{block.row0 + r, block.col0 + c, rowCount, colCount, block.level};
            if (auto pooled = poolPart(part, pool, {out.row(r) + c, rowCount, colCount, out.stride}, context); !pooled) {
                const std::lock_guard lock(mutex);
                failure = pooled;
            }
        }
    });
    if (!done)
        return cancelledError();
    return failure;
}

Result<void> ScoreSource::poolPart(const Block& part, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    const Index row0 = part.row0 << part.level;
    const Index col0 = part.col0 << part.level;
    const Index rowEnd = std::min(rows(), (part.row0 + part.rows) << part.level);
    const Index colEnd = std::min(cols(), (part.col0 + part.cols) << part.level);
    std::vector<float> strip(static_cast<std::size_t>(std::min(kStripRows, rowEnd - row0) * std::min(kStripCols, colEnd - col0)));
    PoolAccumulator accumulator(out, pool, part.level);
    for (Index r = row0; r < rowEnd; r += kStripRows)
        for (Index c = col0; c < colEnd; c += kStripCols) {
            if (context.cancelled())
                return cancelledError();
            const Index rowCount = std::min(kStripRows, rowEnd - r);
            const Index colCount = std::min(kStripCols, colEnd - c);
            if (isZero(r, c, rowCount, colCount)) {
                accumulator.addZeros(r - row0, c - col0, rowCount, colCount);
                continue;
            }
            const MatrixView<float> cells{strip.data(), rowCount, colCount, colCount};
            if (auto done = readCells(r, c, cells, context); !done)
                return done;
            accumulator.add(r - row0, c - col0, cells);
        }
    accumulator.finish();
    return {};
}

} // namespace attnscope
