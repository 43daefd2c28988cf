// SPDX-License-Identifier: GPL-3.0-or-later
// Cached tiles -> picture of a view at device pixels: pooled where several cells share a pixel, nearest where magnified.
#pragma once

#include "core/color/color_scale.h"
#include "core/scores/tile_pyramid.h"
#include "ui/plot_theme.h"

#include <QImage>
#include <QRectF>
#include <QSize>

#include <memory>
#include <vector>

namespace attnscope {

/// x, y of `cells` count keys and queries; `pixels` are the device's, along keys and queries. A transposed picture is turned over
/// its main diagonal when it is painted: no tile is computed again.
struct PaintRequest {
    std::shared_ptr<TilePyramid> pyramid;
    QRectF cells;
    QSize pixels;
    bool transposed = false;
    double pixelRatio = 1.0; ///< of the hatches
    ColorScale scale;
    PlotTheme theme;
};

struct PaintResult {
    std::shared_ptr<TilePyramid> pyramid;
    QImage image; ///< null before the first one
    QRectF cells;
    bool transposed = false;
    bool complete = false;  ///< every tile was there at the right level
    bool covered = false;   ///< every tile was there at some level, or estimated
    bool estimated = false; ///< some of it is a preview's
};

/// floor(log2(cells per pixel)) of the axis with the smaller cells per pixel, at least 0; coarser where the other axis would need
/// more than 16 M cells.
int levelFor(const TilePyramid& pyramid, const QRectF& cells, const QSize& pixels);

/// The tiles of that level under the view, nearest to its centre first, cached or not.
std::vector<TileKey> tilesFor(const TilePyramid& pyramid, const QRectF& cells, const QSize& pixels);

/// For a worker; reads only what is cached. A masked colour that isn't opaque shows through. Every output cell belongs to exactly one pixel
/// or to several neighbouring ones, so none is lost.
PaintResult paintTiles(const PaintRequest& request);

} // namespace attnscope
