// SPDX-License-Identifier: GPL-3.0-or-later
// Two maps in one pane: a curtain whose line can be dragged, or one after the other. Private header of ui.
#pragma once

#include "ui/pane_content.h"

#include <QTimer>
#include <qcustomplot.h>

namespace attnscope {

class HeatmapPlottable;

class PaneCompare : public QCPLayerable {
public:
    /// Owned by the plot, like the maps whose visible parts it rules.
    PaneCompare(QCustomPlot* plot, HeatmapPlottable* first, HeatmapPlottable* second);

    QString firstTitle;
    QString secondTitle;

    void setMode(CompareMode mode);
    CompareMode mode() const { return m_mode; }
    double split() const { return m_split; }           ///< share of the map left of or above the line
    bool showsSecond() const { return m_showsSecond; } ///< of the two that blink
    bool handle(QEvent* event);                        ///< takes the mouse where it drags the line

protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override;
    QRect clipRect() const override;
    void draw(QCPPainter* painter) override;

private:
    bool isCurtain() const { return m_mode == CompareMode::CurtainVertical || m_mode == CompareMode::CurtainHorizontal; }
    double linePosition() const; // in pixels
    bool isOnLine(const QPoint& pos) const;
    void apply();
    void drawLine(QCPPainter* painter) const;
    void drawLabel(QCPPainter* painter, const QString& title, const QPointF& corner, Qt::Corner at) const;

    HeatmapPlottable* m_first;
    HeatmapPlottable* m_second;
    CompareMode m_mode = CompareMode::None;
    QTimer m_blink;
    double m_split = 0.5;
    bool m_showsSecond = false;
    bool m_dragging = false;
};

} // namespace attnscope
