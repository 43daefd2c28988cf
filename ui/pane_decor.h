// SPDX-License-Identifier: GPL-3.0-or-later
// What a pane shows around and above its map: title, badge, message, colour bar; cross-hair and pin. Private header of ui.
#pragma once

#include "core/color/color_scale.h"
#include "ui/pane_content.h"
#include "ui/pane_layout.h"
#include "ui/plot_theme.h"

#include <qcustomplot.h>

#include <optional>
#include <vector>

namespace attnscope {

/// Title line, colour bar and message.
class PaneDecor : public QCPLayerable {
public:
    explicit PaneDecor(QCustomPlot* plot);

    PaneLayout layout;
    PlotTheme theme;
    ColorScale scale;
    QString title;
    QString provenance;
    QString subtitle;
    QString badge;
    QString pooling;
    QString message; ///< in place of the map
    bool transposed = false;

protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override;
    void draw(QCPPainter* painter) override;

private:
    void drawHeader(QCPPainter* painter) const;
    void drawColorBar(QCPPainter* painter) const;
    void drawAxisNames(QCPPainter* painter) const;
    void drawMessage(QCPPainter* painter) const;
};

/// The cell under the cursor in every pane, and the pinned one; on the overlay layer, so that it moves cheaply.
class CrossHair : public QCPLayerable {
public:
    CrossHair(QCustomPlot* plot, QCPAxis* x, QCPAxis* y);

    std::optional<MapCell> cursor;
    std::vector<MapCell> pins; ///< the last one is the one whose row is shown
    QRectF box;                ///< a zoom box being drawn, in pixels; null where there is none
    PlotTheme theme;
    bool exporting = false;
    bool transposed = false; ///< the axes are exchanged: the first one counts queries

protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override;
    QRect clipRect() const override;
    void draw(QCPPainter* painter) override;

private:
    QRectF cellRect(const MapCell& cell) const;
    void drawCursor(QCPPainter* painter) const;
    void drawPin(QCPPainter* painter, std::size_t at) const;
    void drawQueryLines(QCPPainter* painter, const QRectF& cell, const QRectF& frame) const;

    QCPAxis* m_x;
    QCPAxis* m_y;
};

} // namespace attnscope
