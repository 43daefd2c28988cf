// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/figure_tiles.h"

namespace attnscope {

FigureTiles missingTiles(FigureTiles tiles)
{
    std::erase_if(tiles, [](const FigureTile& tile) { return tile.pyramid->cached(tile.key) != nullptr; });
    return tiles;
}

Result<void> computeTiles(const FigureTiles& tiles, const RunContext& context)
{
    for (std::size_t i = 0; i < tiles.size(); ++i) {
        context.report(static_cast<double>(i) / static_cast<double>(tiles.size()));
        if (auto tile = tiles[i].pyramid->compute(tiles[i].key, context); !tile)
            return tile.error();
    }
    return {};
}

} // namespace attnscope
