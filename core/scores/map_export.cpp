// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/map_export.h"

#include "core/io/atomic_file.h"
#include "core/io/npy.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kStripCells = Index{1} << 20;

/// Reads the block in strips of rows and hands each to `use`.
Result<void> forEachStrip(const ScoreSource& source, const Block& block, Pool pool, const RunContext& context,
                          const std::function<Result<void>(MatrixView<const float>)>& use)
{
    const Index step = std::clamp<Index>(kStripCells / std::max<Index>(1, block.cols), 1, std::max<Index>(1, block.rows));
    std::vector<float> cells(static_cast<std::size_t>(step * block.cols));
    for (Index r = 0; r < block.rows; r += step) {
        const Index rows = std::min(step, block.rows - r);
        const MatrixView<float> strip{cells.data(), rows, block.cols, block.cols};
        if (auto done = source.read({block.row0 + r, block.col0, rows, block.cols, block.level}, pool, strip, context); !done)
            return done;
        if (auto done = use(strip); !done)
            return done;
        context.report(static_cast<double>(r + rows) / static_cast<double>(block.rows));
    }
    return {};
}

} // namespace

Result<void> writeMapCsv(const ScoreSource& source, const Block& block, Pool pool, const std::filesystem::path& path,
                         const RunContext& context)
{
    auto file = AtomicFile::create(path);
    if (!file)
        return file.error();
    const auto writeStrip = [&file](MatrixView<const float> strip) -> Result<void> {
        std::string text;
        char number[32];
        for (Index i = 0; i < strip.rows; ++i)
            for (Index j = 0; j < strip.cols; ++j) {
                text.append(number, std::to_chars(number, number + sizeof number, strip(i, j)).ptr);
                text += j + 1 < strip.cols ? ',' : '\n';
            }
        return file->write(text);
    };
    if (auto done = forEachStrip(source, block, pool, context, writeStrip); !done)
        return done;
    return file->commit();
}

Result<void> writeMapNpy(const ScoreSource& source, const Block& block, Pool pool, const std::filesystem::path& path,
                         const RunContext& context)
{
    auto writer = NpyWriter::create(path, {block.rows, block.cols});
    if (!writer)
        return writer.error();
    const auto writeStrip = [&writer](MatrixView<const float> strip) {
        return writer->write({strip.data, static_cast<std::size_t>(strip.rows * strip.cols)});
    };
    if (auto done = forEachStrip(source, block, pool, context, writeStrip); !done)
        return done;
    return writer->commit();
}

} // namespace attnscope
