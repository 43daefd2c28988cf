// SPDX-License-Identifier: GPL-3.0-or-later
// The tiles that a figure needs before it is drawn: listed where the widgets live, computed on a worker.
#pragma once

#include "core/scores/tile_pyramid.h"

#include <memory>
#include <vector>

namespace attnscope {

struct FigureTile {
    std::shared_ptr<TilePyramid> pyramid;
    TileKey key;
};

using FigureTiles = std::vector<FigureTile>;

/// Those that aren't cached.
FigureTiles missingTiles(FigureTiles tiles);

/// Reports progress; Cancelled, or what a source says. Large maps keep what was computed up to there.
Result<void> computeTiles(const FigureTiles& tiles, const RunContext& context);

} // namespace attnscope
