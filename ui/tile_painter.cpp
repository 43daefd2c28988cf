// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/tile_painter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace attnscope {

namespace {

constexpr float kMissing = -std::numeric_limits<float>::max(); // no tile covers the cell yet
constexpr double kMostCells = 16.0 * 1024 * 1024;

// Output cells [from, to) of one pixel.
struct Span {
    Index from = 0;
    Index to = 0;
};

// Minified: the spans of neighbouring pixels meet without overlap. Magnified: the cell under the pixel's centre.
std::vector<Span> spansOf(double start, double length, int pixels, int level, Index cells)
{
    const double scale = 1.0 / static_cast<double>(Index{1} << level);
    const double step = length / pixels * scale;
    const Index last = pooledSize(cells, level) - 1;
    std::vector<Span> spans(static_cast<std::size_t>(pixels));
    for (int i = 0; i < pixels; ++i) {
        const double from = start * scale + i * step;
        Span span;
        if (step < 1.0) {
            span.from = std::clamp<Index>(static_cast<Index>(std::floor(from + 0.5 * step)), 0, last);
            span.to = span.from + 1;
        } else {
            span.from = std::clamp<Index>(static_cast<Index>(std::floor(from + 1e-9)), 0, last);
            const double to = i + 1 < pixels ? std::floor(from + step + 1e-9) : std::ceil(from + step - 1e-9);
            span.to = std::clamp<Index>(static_cast<Index>(to), span.from + 1, last + 1);
        }
        spans[static_cast<std::size_t>(i)] = span;
    }
    return spans;
}

// The cells under the view at one level, gathered from tiles and, where those are missing, from their ancestors.
struct Region {
    int level = 0;
    Index row0 = 0;
    Index col0 = 0;
    Index rows = 0;
    Index cols = 0;
    const float* values = nullptr;

    const float* row(Index r) const { return values + (r - row0) * cols - col0; }
};

struct Gathered : Region {
    std::vector<float> storage;
    bool complete = true;
    bool covered = true;
    bool estimated = false;

    float& at(Index r, Index c) { return storage[static_cast<std::size_t>((r - row0) * cols + c - col0)]; }
};

float poolCells(const Region& region, Span rows, Span cols, Pool pool)
{
    float value = region.row(rows.from)[cols.from];
    double sum = 0.0;
    for (Index r = rows.from; r < rows.to; ++r) {
        const float* cells = region.row(r);
        for (Index c = cols.from; c < cols.to; ++c) {
            const float x = cells[c];
            if (x == kMissing)
                return kMissing;
            sum += x;
            switch (pool) {
            case Pool::Max:
                value = std::max(value, x);
                break;
            case Pool::Min:
                value = std::min(value, x);
                break;
            case Pool::Extreme:
                value = std::abs(x) > std::abs(value) ? x : value;
                break;
            case Pool::Mean:
                break;
            }
        }
    }
    return pool == Pool::Mean ? static_cast<float>(sum / static_cast<double>((rows.to - rows.from) * (cols.to - cols.from))) : value;
}

void copyTile(Gathered& region, const Tile& tile, Index r0, Index r1, Index c0, Index c1)
{
    const int up = tile.key.level - region.level;
    for (Index r = r0; r < r1; ++r) {
        float* out = region.storage.data() + (r - region.row0) * region.cols - region.col0;
        const float* in = tile.values.data() + ((r >> up) - tile.key.row * kTileSize) * tile.cols - tile.key.col * kTileSize;
        if (up == 0)
            std::copy(in + c0, in + c1, out + c0);
        else
            for (Index c = c0; c < c1; ++c)
                out[c] = in[c >> up];
    }
}

// Where a tile isn't there yet, its finished descendants already show their part, finer than any ancestor.
void copyDescendants(Gathered& region, const TilePyramid& pyramid, const TileKey& key, Span rows, Span cols)
{
    constexpr int generations = 3; // of fine tiles; coarse ones wait for tiles of kLeafLevel
    if (key.level < region.level)
        if (const auto tile = pyramid.cached(key)) {
            const int down = region.level - key.level;
            const Index row0 = key.row * kTileSize;
            const Index col0 = key.col * kTileSize;
            for (Index r = std::max(rows.from, row0 >> down); r < std::min(rows.to, ((row0 + tile->rows - 1) >> down) + 1); ++r)
                for (Index c = std::max(cols.from, col0 >> down); c < std::min(cols.to, ((col0 + tile->cols - 1) >> down) + 1); ++c) {
                    const Span below{std::max(r << down, row0), std::min((r + 1) << down, row0 + tile->rows)};
                    const Span right{std::max(c << down, col0), std::min((c + 1) << down, col0 + tile->cols)};
                    const Region cells{key.level, row0, col0, tile->rows, tile->cols, tile->values.data()};
                    region.at(r, c) = poolCells(cells, below, right, pyramid.pool());
                }
            return;
        }
    if (key.level == 0 || (key.level <= kLeafLevel && region.level - key.level >= generations))
        return;
    for (Index i = 0; i < 4; ++i) {
        const TileKey child{key.level - 1, 2 * key.row + i / 2, 2 * key.col + i % 2};
        if (pyramid.contains(child))
            copyDescendants(region, pyramid, child, rows, cols);
    }
}

Gathered gather(const TilePyramid& pyramid, int level, Span rows, Span cols)
{
    Gathered region{{level, rows.from, cols.from, rows.to - rows.from, cols.to - cols.from}, {}, true, true, false};
    region.storage.assign(static_cast<std::size_t>(region.rows * region.cols), kMissing);
    region.values = region.storage.data();
    const auto preview = pyramid.preview();
    for (Index tr = rows.from / kTileSize; tr <= (rows.to - 1) / kTileSize; ++tr)
        for (Index tc = cols.from / kTileSize; tc <= (cols.to - 1) / kTileSize; ++tc) {
            const auto exact = pyramid.nearest({level, tr, tc});
            const auto tile = exact ? exact : preview;
            region.complete = region.complete && exact && exact->key.level == level;
            region.covered = region.covered && tile;
            region.estimated = region.estimated || (tile && !exact);
            if (tile)
                copyTile(region, *tile, std::max(rows.from, tr * kTileSize), std::min(rows.to, (tr + 1) * kTileSize),
                         std::max(cols.from, tc * kTileSize), std::min(cols.to, (tc + 1) * kTileSize));
            if (!tile || tile->key.level != level)
                copyDescendants(region, pyramid, {level, tr, tc}, rows, cols);
        }
    return region;
}

// Values of a scale to pixels, and the colours of what isn't a value.
struct Palette {
    ColorLookup lookup;
    std::array<QRgb, 256> colors;
    QRgb masked, maskedLine, empty, nan, nanLine;
    int period;

    explicit Palette(const PaintRequest& request)
        : lookup(request.scale),
          masked(request.theme.masked.rgba()),
          maskedLine(request.theme.maskedLine.rgba()),
          empty(request.theme.empty.rgb()),
          nan(request.theme.notANumber.rgb()),
          nanLine(qRgb(30, 30, 30)),
          period(std::max(4, static_cast<int>(std::lround(6.0 * request.pixelRatio))))
    {
        for (std::size_t i = 0; i < colors.size(); ++i) {
            const Rgb c = request.scale.map->table[i];
            colors[i] = qRgb(c.r, c.g, c.b);
        }
    }

    bool onLine(int x, int y) const { return (x + y) % period < period / 6 + (period < 6 ? 1 : 0); }
    QRgb maskedAt(int x, int y) const { return onLine(x, y) ? maskedLine : masked; }
    QRgb valueAt(float value, int x, int y) const
    {
        if (isDrawable(value))
            return value == kMissing ? empty : colors[lookup.index(value)];
        return onLine(x, y) ? nanLine : nan;
    }
};

} // namespace

int levelFor(const TilePyramid& pyramid, const QRectF& cells, const QSize& pixels)
{
    const double perPixel = std::min(cells.width() / pixels.width(), cells.height() / pixels.height());
    int level = perPixel > 1.0 ? static_cast<int>(std::floor(std::log2(perPixel) + 1e-9)) : 0;
    while (level < pyramid.topLevel() && cells.width() * cells.height() / std::pow(4.0, level) > kMostCells)
        ++level;
    return std::clamp(level, 0, pyramid.topLevel());
}

std::vector<TileKey> tilesFor(const TilePyramid& pyramid, const QRectF& cells, const QSize& pixels)
{
    std::vector<TileKey> keys;
    if (pixels.isEmpty() || cells.isEmpty())
        return keys;
    const int level = levelFor(pyramid, cells, pixels);
    const double size = static_cast<double>(kTileSize) * static_cast<double>(Index{1} << level);
    const auto first = [&](double at) { return std::max<Index>(0, static_cast<Index>(std::floor(at / size))); };
    const auto end = [&](double at) { return static_cast<Index>(std::ceil(at / size)); };
    for (Index row = first(cells.top()); row < std::max(end(cells.bottom()), first(cells.top()) + 1); ++row)
        for (Index col = first(cells.left()); col < std::max(end(cells.right()), first(cells.left()) + 1); ++col)
            if (pyramid.contains({level, row, col}))
                keys.push_back({level, row, col});
    const QPointF center = cells.center() / size;
    const auto distance = [&](const TileKey& key) {
        return std::hypot(static_cast<double>(key.row) + 0.5 - center.y(), static_cast<double>(key.col) + 0.5 - center.x());
    };
    std::stable_sort(keys.begin(), keys.end(), [&](const TileKey& a, const TileKey& b) { return distance(a) < distance(b); });
    return keys;
}

PaintResult paintTiles(const PaintRequest& request)
{
    const TilePyramid& pyramid = *request.pyramid;
    const int level = levelFor(pyramid, request.cells, request.pixels);
    const auto rows = spansOf(request.cells.top(), request.cells.height(), request.pixels.height(), level, pyramid.rows());
    const auto cols = spansOf(request.cells.left(), request.cells.width(), request.pixels.width(), level, pyramid.cols());
    const Gathered region = gather(pyramid, level, {rows.front().from, rows.back().to}, {cols.front().from, cols.back().to});
    const Palette palette(request);
    const QSize size = request.transposed ? request.pixels.transposed() : request.pixels;
    QImage image(size, request.theme.masked.alpha() == 255 ? QImage::Format_RGB32 : QImage::Format_ARGB32_Premultiplied);
    auto* const bits = reinterpret_cast<QRgb*>(image.bits());
    const qsizetype stepX = request.transposed ? size.width() : 1; // rows of 32-bit pixels have no padding
    const qsizetype stepY = request.transposed ? 1 : size.width();
    for (int y = 0; y < request.pixels.height(); ++y) {
        const Span row = rows[static_cast<std::size_t>(y)];
        const KeyRange visible = pyramid.source().visibleToAny(row.from << level, (row.to - row.from) << level);
        for (int x = 0; x < request.pixels.width(); ++x) {
            const Span col = cols[static_cast<std::size_t>(x)];
            bits[y * stepY + x * stepX] = !visible.meets(col.from << level, col.to << level)
                                              ? palette.maskedAt(x, y)
                                              : palette.valueAt(poolCells(region, row, col, pyramid.pool()), x, y);
        }
    }
    return {request.pyramid, image, request.cells, request.transposed, region.complete, region.covered, region.estimated};
}

} // namespace attnscope
