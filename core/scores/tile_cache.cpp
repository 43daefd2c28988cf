// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/tile_cache.h"

#include <algorithm>
#include <limits>

namespace attnscope {

namespace {

std::size_t bytesOf(const Tile& tile) { return sizeof(Tile) + tile.values.size() * sizeof(float); }

} // namespace

TileStats statsOf(const std::vector<float>& values)
{
    constexpr float infinity = std::numeric_limits<float>::infinity();
    float min = infinity;
    float max = -infinity;
    float positive = infinity;
    Index finite = 0;
    for (const float x : values) {
        if (!isDrawable(x))
            continue;
        ++finite;
        min = std::min(min, x);
        max = std::max(max, x);
        if (x > 0.0F)
            positive = std::min(positive, x);
    }
    TileStats stats;
    stats.finite = finite;
    stats.notFinite = static_cast<Index>(values.size()) - finite;
    if (finite > 0)
        stats.range = {min, max, positive < infinity ? positive : 0.0};
    return stats;
}

TileStats statsOf(const Tile& tile)
{
    TileStats stats = statsOf(tile.values);
    if (tile.key.col > 0) {
        if (stats.finite > 0)
            stats.beyondFirstKey = stats.range;
        return stats;
    }
    std::vector<float> others;
    others.reserve(tile.values.size());
    for (Index row = 0; row < tile.rows; ++row)
        others.insert(others.end(), tile.values.begin() + row * tile.cols + 1, tile.values.begin() + (row + 1) * tile.cols);
    if (const TileStats rest = statsOf(others); rest.finite > 0)
        stats.beyondFirstKey = rest.range;
    return stats;
}

void TileStats::add(const TileStats& other)
{
    if (other.beyondFirstKey)
        beyondFirstKey = beyondFirstKey ? united(*beyondFirstKey, *other.beyondFirstKey) : *other.beyondFirstKey;
    if (other.finite > 0)
        range = finite > 0 ? united(range, other.range) : other.range;
    finite += other.finite;
    notFinite += other.notFinite;
}

std::vector<Index> histogramOf(const Tile& tile, const ColorScale& scale, int bins)
{
    std::vector<Index> counts(static_cast<std::size_t>(bins), 0);
    for (const float x : tile.values)
        if (isDrawable(x))
            ++counts[static_cast<std::size_t>(std::min(bins - 1, static_cast<int>(scale.position(x) * bins)))];
    return counts;
}

std::shared_ptr<const Tile> TileCache::find(const TileKey& key)
{
    const auto found = tiles.find(key);
    if (found == tiles.end())
        return nullptr;
    if (key.level < keptLevel)
        order.splice(order.begin(), order, found->second.place);
    return found->second.tile;
}

void TileCache::insert(const std::shared_ptr<const Tile>& tile)
{
    if (!stats)
        stats.emplace();
    stats->add(tile->stats);
    if (tiles.contains(tile->key))
        return;
    Entry entry{tile, {}};
    if (tile->key.level < keptLevel) {
        order.push_front(tile->key);
        entry.place = order.begin();
    }
    tiles.emplace(tile->key, entry);
    bytes += bytesOf(*tile);
    while (bytes > limit && order.size() > 1)
        dropLast();
}

void TileCache::dropLast()
{
    const auto found = tiles.find(order.back());
    bytes -= bytesOf(*found->second.tile);
    tiles.erase(found);
    order.pop_back();
}

} // namespace attnscope
