// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pane_compare.h"

#include "ui/heatmap_plottable.h"
#include "ui/pane_layout.h"

#include <QMouseEvent>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr int kBlinkMs = 333; // each map for a third of a second: 1.5 changes back and forth a second
constexpr int kGrip = 5;      // pixels on each side of the line that take the mouse
constexpr double kLeast = 0.02;

} // namespace

PaneCompare::PaneCompare(QCustomPlot* plot, HeatmapPlottable* first, HeatmapPlottable* second)
    : QCPLayerable(plot, QStringLiteral("overlay")), m_first(first), m_second(second)
{
    m_blink.setInterval(kBlinkMs);
    connect(&m_blink, &QTimer::timeout, this, [this] {
        m_showsSecond = !m_showsSecond;
        apply();
    });
    apply();
}

void PaneCompare::applyDefaultAntialiasingHint(QCPPainter* painter) const { painter->setAntialiasing(false); }

QRect PaneCompare::clipRect() const { return mParentPlot->axisRect()->rect(); }

void PaneCompare::setMode(CompareMode mode)
{
    if (mode == m_mode)
        return;
    m_mode = mode;
    m_dragging = false;
    m_showsSecond = false;
    if (mode == CompareMode::Blink)
        m_blink.start();
    else
        m_blink.stop();
    mParentPlot->unsetCursor();
    apply();
}

void PaneCompare::apply()
{
    const QRectF all(0.0, 0.0, 1.0, 1.0);
    switch (m_mode) {
    case CompareMode::None:
        m_first->part = all;
        m_second->part = {};
        break;
    case CompareMode::CurtainVertical:
        m_first->part = {0.0, 0.0, m_split, 1.0};
        m_second->part = {m_split, 0.0, 1.0 - m_split, 1.0};
        break;
    case CompareMode::CurtainHorizontal:
        m_first->part = {0.0, 0.0, 1.0, m_split};
        m_second->part = {0.0, m_split, 1.0, 1.0 - m_split};
        break;
    case CompareMode::Blink:
        m_first->part = m_showsSecond ? QRectF() : all;
        m_second->part = m_showsSecond ? all : QRectF();
        break;
    }
    if (mParentPlot->replotTime() <= 0.0)
        return;
    m_first->layer()->replot();
    layer()->replot();
}

double PaneCompare::linePosition() const
{
    const QRectF map = clipRect();
    return m_mode == CompareMode::CurtainVertical ? map.left() + m_split * map.width() : map.top() + m_split * map.height();
}

bool PaneCompare::isOnLine(const QPoint& pos) const
{
    const int along = m_mode == CompareMode::CurtainVertical ? pos.x() : pos.y();
    return isCurtain() && clipRect().contains(pos) && std::abs(along - linePosition()) <= kGrip;
}

bool PaneCompare::handle(QEvent* event)
{
    if (!isCurtain())
        return false;
    const auto* mouse = static_cast<QMouseEvent*>(event);
    switch (event->type()) {
    case QEvent::MouseButtonPress:
        m_dragging = mouse->button() == Qt::LeftButton && isOnLine(mouse->pos());
        return m_dragging;
    case QEvent::MouseMove:
        if (m_dragging) {
            const QRectF map = clipRect();
            const double at = m_mode == CompareMode::CurtainVertical ? (mouse->pos().x() - map.left()) / map.width()
                                                                     : (mouse->pos().y() - map.top()) / map.height();
            m_split = std::clamp(at, kLeast, 1.0 - kLeast);
            apply();
        } else if (isOnLine(mouse->pos())) {
            mParentPlot->setCursor(m_mode == CompareMode::CurtainVertical ? Qt::SplitHCursor : Qt::SplitVCursor);
        } else {
            mParentPlot->unsetCursor();
        }
        return m_dragging;
    case QEvent::MouseButtonRelease:
        return std::exchange(m_dragging, false);
    default:
        return false;
    }
}

void PaneCompare::draw(QCPPainter* painter)
{
    const QRectF map = clipRect();
    painter->setFont(smallFont());
    if (m_mode == CompareMode::Blink)
        return drawLabel(painter, m_showsSecond ? QObject::tr("B: %1").arg(secondTitle) : QObject::tr("A: %1").arg(firstTitle),
                         map.topLeft(), Qt::TopLeftCorner);
    if (!isCurtain())
        return;
    drawLine(painter);
    const double at = linePosition();
    if (m_mode == CompareMode::CurtainVertical) {
        drawLabel(painter, firstTitle, {at, map.top()}, Qt::TopRightCorner);
        drawLabel(painter, secondTitle, {at, map.top()}, Qt::TopLeftCorner);
    } else {
        drawLabel(painter, firstTitle, {map.left(), at}, Qt::BottomLeftCorner);
        drawLabel(painter, secondTitle, {map.left(), at}, Qt::TopLeftCorner);
    }
}

void PaneCompare::drawLine(QCPPainter* painter) const
{
    const QRectF map = clipRect();
    const double at = linePosition();
    const bool upright = m_mode == CompareMode::CurtainVertical;
    const QLineF line = upright ? QLineF(at, map.top(), at, map.bottom()) : QLineF(map.left(), at, map.right(), at);
    for (const QPen& pen : {QPen(QColor(0, 0, 0, 150), 4), QPen(QColor(Qt::white), 2)}) {
        painter->setPen(pen);
        painter->drawLine(line);
    }
    QRectF grip(0.0, 0.0, upright ? 8.0 : 26.0, upright ? 26.0 : 8.0);
    grip.moveCenter(line.center());
    painter->setAntialiasing(true);
    painter->setPen(QPen(QColor(0, 0, 0, 150), 1));
    painter->setBrush(QColor(Qt::white));
    painter->drawRoundedRect(grip, 4, 4);
    painter->setAntialiasing(false);
}

/// `at`: which corner of the label stands at `corner`. The text is shortened to the map's edge; none where no letter would be left.
void PaneCompare::drawLabel(QCPPainter* painter, const QString& title, const QPointF& corner, Qt::Corner at) const
{
    constexpr double kGap = 6.0;
    const QRectF map = clipRect();
    const bool leftwards = at == Qt::TopRightCorner || at == Qt::BottomRightCorner;
    const bool upwards = at == Qt::BottomLeftCorner || at == Qt::BottomRightCorner;
    const QFontMetricsF metrics(painter->font());
    const double room = (leftwards ? corner.x() - map.left() : map.right() - corner.x()) - 2 * kGap;
    const QString text = metrics.elidedText(title, Qt::ElideRight, room - 2 * kGap);
    QRectF box(0.0, 0.0, metrics.horizontalAdvance(text) + 2 * kGap, metrics.height() + 4.0);
    const double height = (upwards ? corner.y() - map.top() : map.bottom() - corner.y()) - kGap;
    if (text.size() < 2 || box.height() > height)
        return;
    box.translate(corner + QPointF(leftwards ? -kGap - box.width() : kGap, upwards ? -kGap - box.height() : kGap));
    painter->setAntialiasing(true);
    painter->setPen(Qt::NoPen);
    painter->setBrush(QColor(20, 22, 26, 210));
    painter->drawRoundedRect(box, 4, 4);
    painter->setPen(QColor(Qt::white));
    painter->drawText(box, Qt::AlignCenter, text);
    painter->setAntialiasing(false);
}

} // namespace attnscope
