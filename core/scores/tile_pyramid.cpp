// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/tile_pyramid.h"

#include "core/scores/direct_pooling.h"
#include "core/scores/map_preview.h"
#include "core/scores/tile_cache.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <utility>

namespace attnscope {

namespace {

constexpr Index kSampledKeys = 32768; // of one row
constexpr int kRoughness = 2;         // levels from the fine preview to the rough one

float pooled(float a, float b, Pool pool)
{
    if (pool == Pool::Max)
        return std::max(a, b);
    if (pool == Pool::Min)
        return std::min(a, b);
    return std::abs(b) > std::abs(a) ? b : a;
}

ValueRange withSamples(ValueRange range, double positive, double least)
{
    if (positive > 0.0)
        range = united(range, {range.min, range.max, positive});
    range.min = std::min(range.min, least);
    return range;
}

// Cells of the map along one axis that an output cell stands for.
Index extent(Index at, int level, Index cells) { return std::min((at + 1) << level, cells) - (at << level); }

} // namespace

TilePyramid::TilePyramid(std::shared_ptr<const ScoreSource> source, Pool pool, std::size_t byteLimit)
    : m_source(std::move(source)), m_pool(pool), m_direct(poolsDirectly(*m_source, pool)), m_cache(std::make_unique<TileCache>())
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
    return m_cache->find(key);
}

std::shared_ptr<const Tile> TilePyramid::nearest(const TileKey& key) const
{
    const std::scoped_lock lock(m_cache->mutex);
    for (int level = key.level; level <= m_topLevel; ++level)
        if (auto tile = m_cache->find(key.ancestor(level)))
            return tile;
    return nullptr;
}

std::optional<TileStats> TilePyramid::stats() const
{
    const std::scoped_lock lock(m_cache->mutex);
    auto stats = m_cache->stats;
    // An estimated largest value is one of the map's; an estimated mean is none of its means.
    if (m_cache->preview && (!stats || m_pool != Pool::Mean)) {
        stats = stats.value_or(TileStats());
        stats->add(m_cache->preview->stats);
    }
    if (!stats)
        return stats;
    stats->range = withSamples(stats->range, m_cache->samplePositive, m_cache->sampleLeast);
    if (stats->beyondFirstKey)
        stats->beyondFirstKey = withSamples(*stats->beyondFirstKey, m_cache->samplePositive, m_cache->sampleLeast);
    return stats;
}

std::size_t TilePyramid::bytes() const
{
    const std::scoped_lock lock(m_cache->mutex);
    return m_cache->bytes;
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

std::optional<TilePyramid::Children> TilePyramid::cachedChildren(const TileKey& key) const
{
    if (key.level == 0)
        return std::nullopt;
    Children children;
    for (int i = 0; i < 4; ++i) {
        const TileKey child{key.level - 1, 2 * key.row + i / 2, 2 * key.col + i % 2};
        if (contains(child) && !(children[static_cast<std::size_t>(i)] = cached(child)))
            return std::nullopt;
    }
    return children;
}

Result<TilePyramid::Children> TilePyramid::computedChildren(const TileKey& key, const RunContext& context)
{
    Children children;
    for (int i = 0; i < 4; ++i) {
        const TileKey child{key.level - 1, 2 * key.row + i / 2, 2 * key.col + i % 2};
        if (!contains(child))
            continue;
        auto tile = compute(child, context);
        if (!tile)
            return tile.error();
        children[static_cast<std::size_t>(i)] = *tile;
    }
    return children;
}

std::vector<TileKey> TilePyramid::missingLeaves(const TileKey& key) const
{
    std::vector<TileKey> leaves;
    if (m_direct || key.level <= kLeafLevel || cached(key))
        return leaves;
    for (int i = 0; i < 4; ++i) {
        const TileKey child{key.level - 1, 2 * key.row + i / 2, 2 * key.col + i % 2};
        if (!contains(child) || cached(child))
            continue;
        const auto below = missingLeaves(child);
        leaves.insert(leaves.end(), below.begin(), below.end());
        if (child.level == kLeafLevel)
            leaves.push_back(child);
    }
    return leaves;
}

std::shared_ptr<Tile> TilePyramid::fromChildren(const TileKey& key, const Children& children) const
{
    const int level = key.level - 1;
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

// A few rows (of long maps the part about the diagonal) at level 0: cheap, and enough to know how far down the scale must reach, and
// whether the map is signed.
void TilePyramid::sampleRows(const RunContext& context)
{
    constexpr Index samples = 8;
    {
        const std::scoped_lock lock(m_cache->mutex);
        if (std::exchange(m_cache->sampled, true) || m_topLevel == 0)
            return;
    }
    const Index keys = std::min(cols(), kSampledKeys);
    std::vector<float> row(static_cast<std::size_t>(keys));
    double positive = 0.0;
    double least = 0.0;
    for (Index i = 0; i < samples; ++i) {
        const Index at = (2 * i + 1) * rows() / (2 * samples);
        const Index from = static_cast<Index>(static_cast<double>(at) / static_cast<double>(rows()) * static_cast<double>(cols() - keys));
        if (m_source->read({at, from, 1, keys, 0}, m_pool, {row.data(), 1, keys, keys}, context).ok()) {
            const ValueRange range = statsOf(row).range;
            const double smallest = range.minPositive;
            least = std::min(least, range.min);
            positive = positive > 0.0 && smallest > 0.0 ? std::min(positive, smallest) : std::max(positive, smallest);
        }
    }
    const std::scoped_lock lock(m_cache->mutex);
    m_cache->samplePositive = positive;
    m_cache->sampleLeast = least;
}

std::vector<TileKey> TilePyramid::missingPreviews() const
{
    std::vector<TileKey> keys;
    if (m_direct || m_topLevel <= kLeafLevel + 1)
        return keys;
    const std::scoped_lock lock(m_cache->mutex);
    for (int kind = m_cache->previewKind - 1; kind >= kFinePreview; --kind)
        keys.push_back({kind, 0, 0});
    return keys;
}

std::shared_ptr<const Tile> TilePyramid::preview() const
{
    const std::scoped_lock lock(m_cache->mutex);
    return m_cache->preview;
}

Result<std::shared_ptr<const Tile>> TilePyramid::computePreview(int kind, const RunContext& context)
{
    sampleRows(context);
    auto tile = emptyTile({m_topLevel + (kind == kRoughPreview ? kRoughness : 0), 0, 0});
    const MatrixView<float> cells{tile->values.data(), tile->rows, tile->cols, tile->cols};
    if (auto done = estimateMap(*m_source, m_pool, tile->key.level, cells, context); !done)
        return done.error();
    tile->stats = statsOf(*tile);
    const std::scoped_lock lock(m_cache->mutex);
    if (kind < m_cache->previewKind) {
        m_cache->previewKind = kind;
        m_cache->preview = tile;
    }
    return std::shared_ptr<const Tile>(tile);
}

Result<std::shared_ptr<const Tile>> TilePyramid::compute(const TileKey& key, const RunContext& context)
{
    if ((key.level == kRoughPreview || key.level == kFinePreview) && key.row == 0 && key.col == 0)
        return computePreview(key.level, context);
    if (!contains(key))
        return Error{Errc::InvalidShape, "The tile lies outside the map.", "Ask for tiles inside the map."};
    if (auto tile = cached(key))
        return tile;
    sampleRows(context);
    auto children = cachedChildren(key);
    if (!children && !m_direct && key.level > kLeafLevel) {
        auto computed = computedChildren(key, context);
        if (!computed)
            return computed.error();
        children = *computed;
    }
    std::shared_ptr<Tile> tile = children ? fromChildren(key, *children) : emptyTile(key);
    const Index size = kTileSize << key.level;
    const bool masked = !m_source->visibleToAny(key.row * size, size).meets(key.col * size, (key.col + 1) * size); // zeros
    if (!children && !masked) {
        const Block block{key.row * kTileSize, key.col * kTileSize, tile->rows, tile->cols, key.level};
        if (auto done = m_source->read(block, m_pool, {tile->values.data(), tile->rows, tile->cols, tile->cols}, context); !done)
            return done.error();
    }
    tile->stats = statsOf(*tile);
    const std::scoped_lock lock(m_cache->mutex);
    m_cache->insert(tile);
    return std::shared_ptr<const Tile>(tile);
}

} // namespace attnscope
