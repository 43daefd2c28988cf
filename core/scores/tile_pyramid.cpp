// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/tile_pyramid.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <list>
#include <map>
#include <mutex>

namespace attnscope {

namespace {

std::size_t bytesOf(const Tile& tile) { return sizeof(Tile) + tile.values.size() * sizeof(float); }

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

float pooled(float a, float b, Pool pool)
{
    if (pool == Pool::Max)
        return std::max(a, b);
    if (pool == Pool::Min)
        return std::min(a, b);
    return std::abs(b) > std::abs(a) ? b : a;
}

// Cells of the map along one axis that an output cell stands for.
Index extent(Index at, int level, Index cells) { return std::min((at + 1) << level, cells) - (at << level); }

} // namespace

void TileStats::add(const TileStats& other)
{
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

struct TilePyramid::Cache {
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

    std::shared_ptr<const Tile> find(const TileKey& key, bool touch)
    {
        const auto found = tiles.find(key);
        if (found == tiles.end())
            return nullptr;
        if (touch && key.level < keptLevel)
            order.splice(order.begin(), order, found->second.place);
        return found->second.tile;
    }

    void insert(const std::shared_ptr<const Tile>& tile)
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

    void dropLast()
    {
        const auto found = tiles.find(order.back());
        bytes -= bytesOf(*found->second.tile);
        tiles.erase(found);
        order.pop_back();
    }
};

TilePyramid::TilePyramid(std::shared_ptr<const ScoreSource> source, Pool pool, std::size_t byteLimit)
    : m_source(std::move(source)), m_pool(pool), m_cache(std::make_unique<Cache>())
{
    while (pooledSize(std::max(rows(), cols()), m_topLevel) > kTileSize)
        ++m_topLevel;
    m_cache->limit = byteLimit;
    m_cache->keptLevel = m_topLevel + 1;
    double kept = 0.0;
    for (int level = m_topLevel; level >= 0; --level) {
        kept += static_cast<double>(pooledSize(rows(), level)) * static_cast<double>(pooledSize(cols(), level)) * sizeof(float);
        if (kept > static_cast<double>(byteLimit) / 2.0)
            break;
        m_cache->keptLevel = level;
    }
    for (Index row = 0; row < rows() && !m_masked; ++row)
        m_masked = m_source->visibleCols(row) < cols();
}

TilePyramid::~TilePyramid() = default;

bool TilePyramid::contains(const TileKey& key) const
{
    return key.level >= 0 && key.level <= m_topLevel && key.row >= 0 && key.col >= 0 &&
           key.row * kTileSize < pooledSize(rows(), key.level) && key.col * kTileSize < pooledSize(cols(), key.level);
}

std::shared_ptr<const Tile> TilePyramid::cached(const TileKey& key) const
{
    const std::scoped_lock lock(m_cache->mutex);
    return m_cache->find(key, true);
}

std::shared_ptr<const Tile> TilePyramid::nearest(const TileKey& key) const
{
    const std::scoped_lock lock(m_cache->mutex);
    for (int level = key.level; level <= m_topLevel; ++level)
        if (auto tile = m_cache->find(key.ancestor(level), true))
            return tile;
    return nullptr;
}

std::optional<TileStats> TilePyramid::stats() const
{
    const std::scoped_lock lock(m_cache->mutex);
    return m_cache->stats;
}

std::size_t TilePyramid::bytes() const
{
    const std::scoped_lock lock(m_cache->mutex);
    return m_cache->bytes;
}

Index TilePyramid::visibleCols(Index row0, Index row1) const
{
    if (!m_masked)
        return cols();
    Index visible = 0;
    for (Index row = std::max<Index>(0, row0); row < std::min(row1, rows()) && visible < cols(); ++row)
        visible = std::max(visible, m_source->visibleCols(row));
    return visible;
}

std::shared_ptr<Tile> TilePyramid::emptyTile(const TileKey& key) const
{
    auto tile = std::make_shared<Tile>();
    tile->key = key;
    tile->rows = std::min(kTileSize, pooledSize(rows(), key.level) - key.row * kTileSize);
    tile->cols = std::min(kTileSize, pooledSize(cols(), key.level) - key.col * kTileSize);
    tile->values.resize(static_cast<std::size_t>(tile->rows * tile->cols));
    return tile;
}

std::shared_ptr<const Tile> TilePyramid::fromChildren(const TileKey& key) const
{
    if (key.level == 0)
        return nullptr;
    const int level = key.level - 1;
    std::array<std::shared_ptr<const Tile>, 4> children;
    for (int i = 0; i < 4; ++i) {
        const TileKey child{level, 2 * key.row + i / 2, 2 * key.col + i % 2};
        if (contains(child) && !(children[static_cast<std::size_t>(i)] = cached(child)))
            return nullptr;
    }
    const Index childRows = pooledSize(rows(), level);
    const Index childCols = pooledSize(cols(), level);
    const auto childCell = [&](Index row, Index col) {
        const std::size_t which = static_cast<std::size_t>(2 * (row / kTileSize % 2) + col / kTileSize % 2);
        return children[which]->at(row % kTileSize, col % kTileSize);
    };
    auto tile = emptyTile(key);
    for (Index r = 0; r < tile->rows; ++r)
        for (Index c = 0; c < tile->cols; ++c) {
            const Index row0 = 2 * (key.row * kTileSize + r);
            const Index col0 = 2 * (key.col * kTileSize + c);
            float value = childCell(row0, col0);
            double sum = 0.0;
            double weight = 0.0;
            for (Index row = row0; row < std::min(row0 + 2, childRows); ++row)
                for (Index col = col0; col < std::min(col0 + 2, childCols); ++col) {
                    const double cells = static_cast<double>(extent(row, level, rows()) * extent(col, level, cols()));
                    sum += cells * childCell(row, col);
                    weight += cells;
                    value = pooled(value, childCell(row, col), m_pool);
                }
            tile->values[static_cast<std::size_t>(r * tile->cols + c)] = m_pool == Pool::Mean ? static_cast<float>(sum / weight) : value;
        }
    return tile;
}

Result<std::shared_ptr<const Tile>> TilePyramid::compute(const TileKey& key, const RunContext& context)
{
    if (!contains(key))
        return Error{Errc::InvalidShape, "The tile lies outside the map.", "Ask for tiles inside the map."};
    if (auto tile = cached(key))
        return tile;
    std::shared_ptr<Tile> tile = std::const_pointer_cast<Tile>(fromChildren(key));
    if (!tile) {
        tile = emptyTile(key);
        const Block block{key.row * kTileSize, key.col * kTileSize, tile->rows, tile->cols, key.level};
        if (auto done = m_source->read(block, m_pool, {tile->values.data(), tile->rows, tile->cols, tile->cols}, context); !done)
            return done.error();
    }
    tile->stats = statsOf(tile->values);
    const std::scoped_lock lock(m_cache->mutex);
    m_cache->insert(tile);
    return std::shared_ptr<const Tile>(tile);
}

} // namespace attnscope
