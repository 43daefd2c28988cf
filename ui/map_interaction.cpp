// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/map_interaction.h"

#include "ui/view_state.h"

#include <QGuiApplication>
#include <QMouseEvent>
#include <QStyleHints>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace attnscope {

QPointF MapInteraction::cellsAt(const QPointF& pos) const
{
    const QRectF view = m_view->rect();
    QPointF share((pos.x() - map.left()) / map.width(), (pos.y() - map.top()) / map.height());
    if (transposed)
        share = share.transposed();
    return {view.left() + share.x() * view.width(), view.top() + share.y() * view.height()};
}

std::optional<MapCell> MapInteraction::cellAt(const QPointF& pos) const
{
    if (!QRectF(map).contains(pos) || m_view->rect().isEmpty())
        return std::nullopt;
    const QPointF at = cellsAt(pos);
    return MapCell{std::clamp<Index>(static_cast<Index>(std::floor(at.y())), 0, m_view->rows() - 1),
                   std::clamp<Index>(static_cast<Index>(std::floor(at.x())), 0, m_view->cols() - 1)};
}

void MapInteraction::wheel(QWheelEvent* event)
{
    const QPoint delta = event->angleDelta(); // with Alt held, Qt turns the wheel sideways
    const double turns = (delta.y() != 0 ? delta.y() : delta.x()) / 120.0;
    if (turns == 0.0 || m_view->rect().isEmpty())
        return;
    const double factor = std::pow(1.25, turns);
    const bool keysOnly = event->modifiers() & Qt::ShiftModifier;
    const bool queriesOnly = event->modifiers() & Qt::AltModifier;
    m_view->zoomAt(cellsAt(event->position()), queriesOnly ? 1.0 : factor, keysOnly ? 1.0 : factor);
    event->accept();
    if (onHover)
        onHover(cellAt(event->position()));
}

void MapInteraction::press(QMouseEvent* event)
{
    if (!map.contains(event->pos()) || (event->button() != Qt::LeftButton && event->button() != Qt::MiddleButton))
        return;
    const bool box = event->button() == Qt::LeftButton && (mode == DragMode::Box || (event->modifiers() & Qt::ControlModifier));
    m_drag = box ? Drag::Box : Drag::Pan;
    m_pressed = event->pos();
    m_viewAtPress = m_view->rect();
    m_moved = false;
}

// The zoomed view has the map's proportions, so that square cells stay square. Shift and Alt zoom one axis, both free the box.
QRectF MapInteraction::boxTo(const QPoint& pos, Qt::KeyboardModifiers modifiers) const
{
    const bool keysOnly = modifiers & Qt::ShiftModifier;
    const bool queriesOnly = modifiers & Qt::AltModifier;
    QRectF box = QRectF(m_pressed, pos).normalized();
    if (keysOnly && queriesOnly)
        return box;
    if (keysOnly || queriesOnly)
        return keysOnly == transposed ? QRectF(map.left(), box.top(), map.width(), box.height())
                                      : QRectF(box.left(), map.top(), box.width(), map.height());
    const double scale = std::max(box.width() / map.width(), box.height() / map.height());
    const QSizeF size(scale * map.width(), scale * map.height());
    const double left = pos.x() < m_pressed.x() ? m_pressed.x() - size.width() : m_pressed.x();
    const double top = pos.y() < m_pressed.y() ? m_pressed.y() - size.height() : m_pressed.y();
    return {QPointF(left, top), size};
}

void MapInteraction::move(QMouseEvent* event)
{
    if (m_drag != Drag::None && (event->pos() - m_pressed).manhattanLength() >= QGuiApplication::styleHints()->startDragDistance() / 2)
        m_moved = true;
    if (m_drag == Drag::Pan && m_moved) {
        m_view->panTo(m_viewAtPress.topLeft() - (cellsAt(event->pos()) - cellsAt(m_pressed)), false);
    } else if (m_drag == Drag::Box && m_moved && onBox) {
        onBox(boxTo(event->pos(), event->modifiers()));
    }
    if (onHover)
        onHover(cellAt(event->pos()));
}

void MapInteraction::release(QMouseEvent* event)
{
    const Drag drag = m_drag;
    m_drag = Drag::None;
    if (drag == Drag::Box && onBox)
        onBox({});
    if (drag == Drag::None)
        return;
    if (!m_moved) {
        if (const auto cell = cellAt(event->pos()); cell && event->button() == Qt::LeftButton && onClick)
            onClick(*cell, event->modifiers() & Qt::ShiftModifier);
    } else if (drag == Drag::Pan) {
        m_view->panTo(m_view->rect().topLeft(), true);
    } else {
        const QRectF box = boxTo(event->pos(), event->modifiers());
        m_view->zoomTo({cellsAt(box.topLeft()), cellsAt(box.bottomRight())});
    }
}

void MapInteraction::doubleClick(QMouseEvent* event)
{
    m_drag = Drag::None;
    if (map.contains(event->pos()))
        m_view->fit();
}

void MapInteraction::leave()
{
    if (onHover)
        onHover(std::nullopt);
}

} // namespace attnscope
