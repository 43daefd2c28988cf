// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pane_decor.h"

#include <cmath>

namespace attnscope {

PaneDecor::PaneDecor(QCustomPlot* plot) : QCPLayerable(plot, QStringLiteral("legend")) {}

void PaneDecor::applyDefaultAntialiasingHint(QCPPainter* painter) const { painter->setAntialiasing(false); }

void PaneDecor::draw(QCPPainter* painter)
{
    painter->setFont(smallFont());
    drawHeader(painter);
    if (!message.isEmpty())
        return drawMessage(painter);
    drawAxisNames(painter);
    drawColorBar(painter);
}

void PaneDecor::drawHeader(QCPPainter* painter) const
{
    const QRect box = layout.header;
    QFont bold = plotFont();
    bold.setBold(true);
    const QFontMetrics large(bold);
    const QFontMetrics small(smallFont());
    const QRect titleBox(box.left(), box.top(), box.width(), large.height());
    int right = titleBox.right();
    if (!badge.isEmpty()) {
        const int width = small.horizontalAdvance(badge) + 10;
        const QRect badgeBox(std::max(box.left(), right - width), titleBox.top() + 1, width, small.height() + 2);
        painter->setAntialiasing(true);
        painter->setPen(QPen(theme.warning, 1));
        painter->setBrush(Qt::NoBrush);
        painter->drawRoundedRect(QRectF(badgeBox).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
        painter->setPen(theme.warning);
        painter->drawText(badgeBox, Qt::AlignCenter, badge);
        painter->setAntialiasing(false);
        right = badgeBox.left() - 6;
    }
    painter->setFont(bold);
    painter->setPen(theme.foreground);
    painter->drawText(titleBox, Qt::AlignLeft | Qt::AlignVCenter, large.elidedText(title, Qt::ElideRight, right - titleBox.left()));
    painter->setFont(smallFont());
    QRect line(box.left(), titleBox.bottom() + 2, box.width(), small.height());
    painter->setPen(theme.accent);
    painter->drawText(line, Qt::AlignLeft | Qt::AlignVCenter, small.elidedText(provenance, Qt::ElideRight, line.width()));
    const QString rest = provenance.isEmpty() || subtitle.isEmpty() ? subtitle : QStringLiteral(" · ") + subtitle;
    line.setLeft(line.left() + small.horizontalAdvance(provenance));
    painter->setPen(theme.muted);
    painter->drawText(line, Qt::AlignLeft | Qt::AlignVCenter, small.elidedText(rest, Qt::ElideRight, std::max(0, line.width())));
}

void PaneDecor::drawAxisNames(QCPPainter* painter) const
{
    const QFontMetrics small(smallFont());
    painter->setFont(smallFont());
    painter->setPen(theme.muted);
    painter->drawText(QRect(layout.map.left(), layout.map.bottom() + layout.tickZone + 2, layout.map.width(), small.height()),
                      Qt::AlignCenter, transposed ? QObject::tr("query") : QObject::tr("key"));
    if (layout.rowsName == 0)
        return;
    painter->save();
    painter->translate(layout.map.left() - layout.labelRoom - 10 - layout.rowsName, layout.map.center().y());
    painter->rotate(-90.0);
    painter->drawText(QRect(-60, 0, 120, small.height()), Qt::AlignCenter, transposed ? QObject::tr("key") : QObject::tr("query"));
    painter->restore();
}

void PaneDecor::drawColorBar(QCPPainter* painter) const
{
    const QRect bar = layout.bar;
    const QFontMetrics small(smallFont());
    // A gradient stays a vector object in PDF and SVG.
    QLinearGradient gradient(bar.left(), 0, bar.right() + 1, 0);
    for (int i = 0; i <= 32; ++i) {
        const Rgb c = scale.map->table[static_cast<std::size_t>(std::lround(i * 255.0 / 32.0))];
        gradient.setColorAt(i / 32.0, QColor(c.r, c.g, c.b));
    }
    painter->setPen(Qt::NoPen);
    painter->fillRect(bar, gradient);
    painter->setPen(QPen(theme.muted, 1));
    painter->setBrush(Qt::NoBrush);
    painter->drawRect(bar);
    painter->setFont(smallFont());
    const int widest = small.horizontalAdvance(QStringLiteral("−0.0001"));
    double freeFrom = -1e9;
    for (const ScaleTick& tick : ticksOf(scale, std::clamp(bar.width() / (widest + 6), 2, 7))) {
        const double x = bar.left() + tick.position * bar.width();
        const QString label = QString::fromStdString(tick.label);
        const double width = small.horizontalAdvance(label);
        const QRectF box(x - width / 2, bar.bottom() + 5, width, small.height());
        painter->setPen(QPen(theme.muted, 1));
        painter->drawLine(QPointF(x, bar.bottom() + 1), QPointF(x, bar.bottom() + 4));
        if (box.left() < freeFrom)
            continue;
        freeFrom = box.right() + 4;
        painter->setPen(theme.foreground);
        painter->drawText(box.adjusted(-2, 0, 2, 0), Qt::AlignCenter, label);
    }
    painter->setPen(theme.muted);
    const QRect below(bar.left() - layout.labelRoom, bar.bottom() + 6 + small.height(), bar.width() + layout.labelRoom + 8, small.height());
    painter->drawText(below, Qt::AlignRight | Qt::AlignVCenter, small.elidedText(pooling, Qt::ElideRight, below.width()));
}

void PaneDecor::drawMessage(QCPPainter* painter) const
{
    painter->setPen(QPen(theme.grid, 1));
    painter->setBrush(theme.empty);
    painter->drawRect(layout.map);
    painter->setPen(theme.muted);
    painter->setFont(plotFont());
    painter->drawText(layout.map.adjusted(14, 8, -14, -8), Qt::AlignCenter | Qt::TextWordWrap, message);
}

CrossHair::CrossHair(QCustomPlot* plot, QCPAxis* x, QCPAxis* y) : QCPLayerable(plot, QStringLiteral("overlay")), m_x(x), m_y(y) {}

void CrossHair::applyDefaultAntialiasingHint(QCPPainter* painter) const { painter->setAntialiasing(false); }

QRect CrossHair::clipRect() const { return m_x->axisRect()->rect(); }

QRectF CrossHair::cellRect(const MapCell& cell) const
{
    const double x = double(transposed ? cell.query : cell.key);
    const double y = double(transposed ? cell.key : cell.query);
    return {QPointF(m_x->coordToPixel(x), m_y->coordToPixel(y)), QPointF(m_x->coordToPixel(x + 1.0), m_y->coordToPixel(y + 1.0))};
}

void CrossHair::draw(QCPPainter* painter)
{
    if (!m_x->visible())
        return; // a message stands in the map's place
    painter->setBrush(Qt::NoBrush);
    for (std::size_t i = 0; i < pins.size(); ++i)
        drawPin(painter, i);
    if (cursor && !exporting)
        drawCursor(painter);
    if (!box.isNull()) {
        painter->setPen(QPen(QColor(0, 0, 0, 150), 3));
        painter->drawRect(box);
        painter->setPen(QPen(QColor(Qt::white), 1, Qt::DashLine));
        painter->drawRect(box);
    }
}

// White in a dark casing: visible on every colour map.
void CrossHair::drawCursor(QCPPainter* painter) const
{
    const QRectF map = clipRect();
    const QRectF cell = cellRect(*cursor);
    const QPointF c = cell.center();
    const bool large = cell.width() >= 6.0 && cell.height() >= 6.0;
    const bool lines = cell.width() < 24.0; // lines through large cells would strike out their values
    const QRectF hole = large ? cell : QRectF(c - QPointF(5, 5), QSizeF(10, 10));
    for (const QPen& pen : {QPen(QColor(0, 0, 0, 110), 3), QPen(QColor(255, 255, 255, 230), 1)}) {
        painter->setPen(pen);
        if (large)
            painter->drawRect(cell);
        if (!lines)
            continue;
        painter->drawLine(QPointF(map.left(), c.y()), QPointF(hole.left(), c.y()));
        painter->drawLine(QPointF(hole.right(), c.y()), QPointF(map.right(), c.y()));
        painter->drawLine(QPointF(c.x(), map.top()), QPointF(c.x(), hole.top()));
        painter->drawLine(QPointF(c.x(), hole.bottom()), QPointF(c.x(), map.bottom()));
    }
}

// The cell in a frame and its query marked: the shown one by lines, each further one by its number in a colour of its own, bright in
// both themes as maps are mostly dark.
void CrossHair::drawPin(QCPPainter* painter, std::size_t at) const
{
    static const PlotTheme bright = plotTheme(darkPalette());
    const bool shown = at + 1 == pins.size();
    const QRectF cell = cellRect(pins[at]);
    const QRectF frame = cell.width() >= 5.0 ? cell : QRectF(cell.center() - QPointF(4, 4), QSizeF(8, 8));
    const QColor color = shown ? theme.accent : pinColor(bright, at);
    for (const QPen& pen : {QPen(QColor(0, 0, 0, 110), 3), QPen(color, 1, shown ? Qt::SolidLine : Qt::DashLine)}) {
        painter->setPen(pen);
        drawQueryLines(painter, cell, frame);
        painter->setPen(QPen(pen.color(), pen.widthF()));
        painter->drawRect(frame);
    }
    if (shown)
        return;
    painter->setFont(smallFont());
    const QString number = QString::number(at + 1);
    const QFontMetricsF metrics(painter->font());
    QRectF badge(QPointF(frame.right() + 3, frame.top()), QSizeF(metrics.horizontalAdvance(number) + 8, metrics.height()));
    badge.moveRight(std::min(badge.right(), double(clipRect().right())));
    painter->fillRect(badge, QColor(20, 22, 26, 210));
    painter->setPen(color);
    painter->drawText(badge, Qt::AlignCenter, number);
}

// The query's edges where cells are large, otherwise one line.
void CrossHair::drawQueryLines(QCPPainter* painter, const QRectF& cell, const QRectF& frame) const
{
    const QRectF map = clipRect();
    if (transposed) {
        for (const double x : {cell.left(), cell.right()}) {
            const double at = cell.width() >= 5.0 ? x : cell.center().x();
            painter->drawLine(QPointF(at, map.top()), QPointF(at, frame.top()));
            painter->drawLine(QPointF(at, frame.bottom()), QPointF(at, map.bottom()));
        }
        return;
    }
    for (const double y : {cell.top(), cell.bottom()}) {
        const double at = cell.height() >= 5.0 ? y : cell.center().y();
        painter->drawLine(QPointF(map.left(), at), QPointF(frame.left(), at));
        painter->drawLine(QPointF(frame.right(), at), QPointF(map.right(), at));
    }
}

} // namespace attnscope
