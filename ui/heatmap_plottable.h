// SPDX-License-Identifier: GPL-3.0-or-later
// The map inside a QCustomPlot: blits pictures that workers paint from cached tiles. Private header of ui.
#pragma once

#include "ui/tile_loader.h"
#include "ui/tile_painter.h"

#include <QTimer>
#include <qcustomplot.h>

#include <functional>

namespace attnscope {

/// Of the raster of a map of `size` in a figure, at `scale` pixels per unit; at most 4096 across.
QSize exportPixels(const QSizeF& size, double scale);

class HeatmapPlottable : public QCPAbstractPlottable {
public:
    /// keyAxis counts keys, valueAxis queries (reversed); transposed the other way round. Owned by their plot.
    HeatmapPlottable(QCPAxis* keyAxis, QCPAxis* valueAxis, Executor tiles);
    ~HeatmapPlottable() override;

    /// With `keepPicture` the old picture stays until the new one covers the view, for at most 400 ms.
    void setPyramid(std::shared_ptr<TilePyramid> pyramid, bool keepPicture);
    const std::shared_ptr<TilePyramid>& pyramid() const { return m_request.pyramid; }
    void setScale(const ColorScale& scale);
    void setTheme(const PlotTheme& theme);
    void setTransposed(bool transposed);
    /// What is seen (x keys, y queries), and how large in device pixels of the screen: requests tiles and a new picture.
    void setView(const QRectF& cells, const QSize& pixels, double pixelRatio);

    /// Computes no further tiles until the view or the map changes; a mark on the map says so.
    void stop();

    bool isIdle() const;      ///< the picture is complete and shows the current view
    double exportScale = 0.0; ///< pixels per unit of a synchronous picture; 0: draw what is on screen

    QRectF part{0.0, 0.0, 1.0, 1.0}; ///< of the map's rectangle that is drawn, in shares of it
    int hatchedKeys = 0;             ///< the first keys, drawn as a hatch in place of their colours

    std::function<void()> onPainted;
    std::function<void()> onStatistics;
    std::function<void(const QString&)> onFailed;

    double selectTest(const QPointF& pos, bool onlySelectable, QVariant* details = nullptr) const override;
    QCPRange getKeyRange(bool& found, QCP::SignDomain domain = QCP::sdBoth) const override;
    QCPRange getValueRange(bool& found, QCP::SignDomain domain = QCP::sdBoth, const QCPRange& keys = {}) const override;

protected:
    void draw(QCPPainter* painter) override;
    void drawLegendIcon(QCPPainter* painter, const QRectF& rect) const override;

private:
    void requestTiles();
    void schedulePaint();
    void paintNow();
    void accept(const PaintResult& result, quint64 number);
    void redraw();
    QRectF pixelRect(const QRectF& cells) const;
    void drawPicture(QCPPainter* painter);
    void drawHatch(QCPPainter* painter) const;
    void drawValues(QCPPainter* painter) const;
    void drawRefiningMark(QCPPainter* painter) const;
    QString markText() const;

    TileLoader m_loader;
    Executor m_painters;
    QTimer m_paintTimer;
    QTimer m_refiningTimer;
    PaintRequest m_request;
    PaintResult m_shown;
    qint64 m_keepUntil = 0;
    quint64 m_asked = 0;    // changes that need a new picture
    quint64 m_painting = 0; // the change that a worker paints; 0: none
    quint64 m_done = 0;     // the change that m_shown shows
    bool m_refining = false;
    bool m_stopped = false;
    std::size_t m_wanted = 0; // tiles of the last request
};

} // namespace attnscope
