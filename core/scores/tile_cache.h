// SPDX-License-Identifier: GPL-3.0-or-later
// What a tile pyramid keeps: tiles by key, least recently used dropped first, coarse levels never. Private to core/scores.
#pragma once

#include "core/scores/tile_pyramid.h"

#include <list>
#include <map>
#include <mutex>

namespace attnscope {

/// Of the finite values.
TileStats statsOf(const std::vector<float>& values);
TileStats statsOf(const Tile& tile);

/// Callers hold the mutex.
struct TileCache {
    struct Entry {
        std::shared_ptr<const Tile> tile;
        std::list<TileKey>::iterator place; // in `order`, only where the level may be dropped
    };

    std::mutex mutex;
    std::map<TileKey, Entry> tiles;
    std::list<TileKey> order; // most recently used first
    std::size_t bytes = 0;
    std::size_t limit = 0;
    int keptLevel = 0; // levels from here on are never dropped
    std::optional<TileStats> stats;
    std::shared_ptr<const Tile> preview;
    int previewKind = 0; // of `preview`: the finer, the lower
    bool sampled = false;
    double samplePositive = 0.0; // smallest and least value of a few rows at level 0
    double sampleLeast = 0.0;

    std::shared_ptr<const Tile> find(const TileKey& key);
    void insert(const std::shared_ptr<const Tile>& tile);

private:
    void dropLast();
};

} // namespace attnscope
