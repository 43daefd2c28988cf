// SPDX-License-Identifier: GPL-3.0-or-later
// 256 x 256 tiles of one score source at every pooling level, computed on workers, kept in a cache bounded in bytes.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/color/color_scale.h"
#include "core/scores/score_source.h"

#include <array>
#include <compare>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace attnscope {

inline constexpr Index kTileSize = 256;

/// A tile of this level reads 8192 x 8192 cells; coarser ones are put together from their children, so that an overview of
/// 100,000 tokens appears piece by piece and every piece can be cancelled.
inline constexpr int kLeafLevel = 5;

/// Estimates of a whole map (map_preview.h), wished for like tiles: a rough one, there soon, and then one as fine as the top level.
inline constexpr int kRoughPreview = -1;
inline constexpr int kFinePreview = -2;

/// The tile of output cells [256 row, 256 (row + 1)) x [256 col, 256 (col + 1)) at a level.
struct TileKey {
    int level = 0;
    Index row = 0;
    Index col = 0;

    auto operator<=>(const TileKey&) const = default;
    TileKey ancestor(int atLevel) const { return {atLevel, row >> (atLevel - level), col >> (atLevel - level)}; }
};

/// Of the finite values of one tile, or of many.
struct TileStats {
    ValueRange range;
    Index finite = 0;
    Index notFinite = 0;
    std::optional<ValueRange> beyondFirstKey; ///< range of all but the map's first column of output cells; none where there is no other

    void add(const TileStats& other);
};

/// Immutable. values [rows, cols], row-major; at the matrix' border a tile is smaller than 256.
struct Tile {
    TileKey key;
    Index rows = 0;
    Index cols = 0;
    std::vector<float> values;
    TileStats stats;

    float at(Index row, Index col) const { return values[static_cast<std::size_t>(row * cols + col)]; }
};

/// Counts per bin over [low, high] of `scale`, evenly spaced in its position.
std::vector<Index> histogramOf(const Tile& tile, const ColorScale& scale, int bins);

struct TileCache;

/// Thread-safe. Least recently used tiles are dropped first, fine ones before the coarse levels that together fit half of
/// the bytes: those stay, so that every view has an ancestor to show.
class TilePyramid {
public:
    TilePyramid(std::shared_ptr<const ScoreSource> source, Pool pool, std::size_t byteLimit = std::size_t{192} << 20);
    ~TilePyramid();
    TilePyramid(const TilePyramid&) = delete;
    TilePyramid& operator=(const TilePyramid&) = delete;

    const ScoreSource& source() const { return *m_source; }
    Pool pool() const { return m_pool; }
    Index rows() const { return m_source->rows(); }
    Index cols() const { return m_source->cols(); }

    /// The level at which one tile holds the whole map.
    int topLevel() const { return m_topLevel; }
    bool contains(const TileKey& key) const;

    /// Null where the tile isn't there; never blocks on a computation.
    std::shared_ptr<const Tile> cached(const TileKey& key) const;

    /// The tile itself or its nearest cached ancestor; null where there is none.
    std::shared_ptr<const Tile> nearest(const TileKey& key) const;

    /// From the cache, from its four children where all are cached, from the source up to kLeafLevel, and above it from its
    /// children, which are computed first, or from a source that pools directly. InvalidShape outside the map, Cancelled, or what
    /// the source says. The keys of missingPreviews() make the preview().
    Result<std::shared_ptr<const Tile>> compute(const TileKey& key, const RunContext& context);

    /// The descendants of `key` at kLeafLevel that aren't cached: what a coarse tile waits for. Empty for fine tiles.
    std::vector<TileKey> missingLeaves(const TileKey& key) const;

    /// The keys {kRoughPreview, 0, 0} and {kFinePreview, 0, 0}, as far as compute() hasn't made them yet; none where the overview is
    /// there soon enough: short maps, and sources that pool directly.
    std::vector<TileKey> missingPreviews() const;

    /// The best estimate of the whole map so far, as a tile at or above the top level; null before the first. Never among cached().
    std::shared_ptr<const Tile> preview() const;

    /// Extremes of all tiles computed so far, dropped ones included; none before the first. What autoscale needs:
    /// minPositive and a negative min count a few whole rows too, because max pooling hides small and negative values.
    std::optional<TileStats> stats() const;
    std::size_t bytes() const;

private:
    using Children = std::array<std::shared_ptr<const Tile>, 4>;

    std::optional<Children> cachedChildren(const TileKey& key) const;
    Result<Children> computedChildren(const TileKey& key, const RunContext& context);
    std::shared_ptr<Tile> fromChildren(const TileKey& key, const Children& children) const;
    std::shared_ptr<Tile> emptyTile(const TileKey& key) const;
    void sampleRows(const RunContext& context);
    Result<std::shared_ptr<const Tile>> computePreview(int kind, const RunContext& context);

    std::shared_ptr<const ScoreSource> m_source;
    Pool m_pool;
    bool m_direct; // the source pools directly: no level needs finer ones
    int m_topLevel = 0;
    std::unique_ptr<TileCache> m_cache;
};

} // namespace attnscope
