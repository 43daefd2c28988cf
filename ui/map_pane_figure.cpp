// SPDX-License-Identifier: GPL-3.0-or-later
// A pane as a figure for export, and the words on its colour bar.
#include "ui/heatmap_plottable.h"
#include "ui/map_pane.h"
#include "ui/pane_decor.h"
#include "ui/view_state.h"

namespace attnscope {

namespace {

// "3.5", "46.5", "4651": cells per pixel.
QString count(double cells) { return cells < 1000.0 ? QString::number(cells, 'g', cells < 10.0 ? 2 : 3) : QString::number(cells, 'f', 0); }

QString poolingText(Pool pool, double cellsX, double cellsY)
{
    if (cellsX <= 1.0 && cellsY <= 1.0)
        return QObject::tr("every cell shown");
    const QString what = pool == Pool::Extreme ? QObject::tr("largest |value|") : QString::fromStdString(std::string(toString(pool)));
    return QObject::tr("pixel = %1 of %2 × %3 cells").arg(what, count(std::max(1.0, cellsY)), count(std::max(1.0, cellsX)));
}

} // namespace

void MapPane::updatePooling(double pixelsPerUnit)
{
    const QRectF view = m_view->rect();
    const QSize map = m_transposed ? m_decor->layout.map.size().transposed() : m_decor->layout.map.size();
    if (m_pyramid && !map.isEmpty())
        m_decor->pooling =
            poolingText(m_pyramid->pool(), view.width() / map.width() / pixelsPerUnit, view.height() / map.height() / pixelsPerUnit);
}

FigureTiles MapPane::figureTiles(const QSize& size, double scale) const
{
    FigureTiles tiles;
    const QSize pixels = exportPixels(paneLayout(size, m_tokens && !m_tokens->isEmpty(), false, aspect()).map.size(), scale);
    for (const auto& pyramid : {m_pyramid, m_second->pyramid()})
        if (pyramid)
            for (const TileKey& key : tilesFor(*pyramid, m_view->rect(), m_transposed ? pixels.transposed() : pixels))
                tiles.push_back({pyramid, key});
    return tiles;
}

void MapPane::renderTo(QCPPainter& painter, const QRect& target)
{
    // PDF and PNG painters are scaled to their dots per inch; an SVG counts in 1/96 inch and gets 300 dots per inch.
    const double scale = painter.worldTransform().m11();
    const PlotTheme screen = m_decor->theme;
    m_heatmap->exportScale = scale > 1.0 || !painter.modes().testFlag(QCPPainter::pmVectorized) ? scale : 300.0 / 96.0;
    m_second->exportScale = m_heatmap->exportScale;
    m_cross->exporting = true;
    applyTheme(lightPlotTheme());
    layoutPlot(target.size());
    updatePooling(m_heatmap->exportScale);
    painter.save();
    painter.translate(target.topLeft());
    m_plot->toPainter(&painter, target.width(), target.height());
    painter.restore();
    m_heatmap->exportScale = m_second->exportScale = 0.0;
    m_cross->exporting = false;
    applyTheme(screen);
    updateView();
}

} // namespace attnscope
