// SPDX-License-Identifier: GPL-3.0-or-later
// A head's whole map as a small picture.
#include "ui/head_grid.h"

#include "core/scores/tile_pyramid.h"
#include "ui/plot_theme.h"
#include "ui/tile_painter.h"

namespace attnscope {

namespace {

constexpr double kThumbnailContrast = 2e-3; // below that share of the largest weight a thumbnail shows noise

} // namespace

Result<QImage> makeThumbnail(std::shared_ptr<const ScoreSource> source, int pixels, const ColorMap& map, const PlotTheme& theme,
                             const RunContext& context)
{
    const auto pyramid = std::make_shared<TilePyramid>(std::move(source), Pool::Max);
    PaintRequest request;
    request.pyramid = pyramid;
    request.cells = QRectF(0.0, 0.0, double(pyramid->cols()), double(pyramid->rows()));
    request.pixels = QSize(pixels, pixels)
                         .boundedTo(QSize(int(std::min<Index>(pixels, pyramid->cols())), int(std::min<Index>(pixels, pyramid->rows()))));
    request.theme = theme;
    request.theme.masked = request.theme.maskedLine = Qt::transparent; // the grid's own colour; a hatch is noise at this size
    for (const TileKey& key : tilesFor(*pyramid, request.cells, request.pixels))
        if (auto tile = pyramid->compute(key, context); !tile)
            return tile.error();
    const auto stats = pyramid->stats();
    request.scale = autoScale(stats ? stats->range : ValueRange{}, Normalisation::Log, map);
    request.scale.low = std::max(request.scale.low, kThumbnailContrast * request.scale.high);
    return paintTiles(request).image;
}

} // namespace attnscope
