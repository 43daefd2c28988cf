// SPDX-License-Identifier: GPL-3.0-or-later
// Mouse on a map: wheel zooms at the cursor, drag pans or, with Ctrl, zooms a box (Shift keys, Alt queries only); click pins.
#pragma once

#include "ui/pane_content.h"

#include <QPoint>
#include <QPointF>
#include <QRectF>

#include <functional>
#include <optional>

class QMouseEvent;
class QWheelEvent;

namespace attnscope {

class ViewState;

class MapInteraction {
public:
    explicit MapInteraction(ViewState* view) : m_view(view) {}

    void setView(ViewState* view) { m_view = view; }

    QRect map;               ///< of the cells, in widget coordinates
    bool transposed = false; ///< x on screen counts queries
    DragMode mode = DragMode::Pan;

    std::function<void(std::optional<MapCell>)> onHover;
    std::function<void(MapCell, bool further)> onClick; ///< further: with Shift
    std::function<void(const QRectF& pixels)> onBox;    ///< a null rectangle when the box is done

    void wheel(QWheelEvent* event);
    void press(QMouseEvent* event);
    void move(QMouseEvent* event);
    void release(QMouseEvent* event);
    void doubleClick(QMouseEvent* event);
    void leave();

    QPointF cellsAt(const QPointF& pos) const; ///< in cells: x keys, y queries
    std::optional<MapCell> cellAt(const QPointF& pos) const;

private:
    enum class Drag { None, Pan, Box };

    QRectF boxTo(const QPoint& pos, Qt::KeyboardModifiers modifiers) const;

    ViewState* m_view;
    Drag m_drag = Drag::None;
    QPoint m_pressed;
    QRectF m_viewAtPress;
    bool m_moved = false;
};

} // namespace attnscope
