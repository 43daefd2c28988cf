// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_cells.h"

#include "ui/architecture/stack_painter.h"
#include "ui/architecture/stack_text.h"
#include "ui/plot_theme.h"

#include <QApplication>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>

namespace attnscope {

namespace {

constexpr int kUsualWidth = 400;

} // namespace

StackCells::StackCells(QWidget* parent) : QWidget(parent)
{
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void StackCells::setArchitecture(const Architecture& architecture)
{
    m_architecture = architecture;
    if (m_selected && *m_selected >= static_cast<Index>(architecture.layers.size()))
        m_selected.reset();
    setAccessibleName(tr("Layers of %1").arg(QString::fromStdString(architecture.name)));
    fitHeight();
    update();
}

// Not by heightForWidth(): a scroll area asks for heights at other widths than it then gives.
void StackCells::fitHeight() { setFixedHeight(cellGrid(static_cast<int>(m_architecture.layers.size()), width()).totalHeight()); }

void StackCells::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    if (event->size().width() != event->oldSize().width())
        fitHeight();
}

void StackCells::setEditable(bool editable)
{
    m_editable = editable;
    if (!editable)
        m_selected.reset();
    update();
}

void StackCells::setSelected(std::optional<Index> layer)
{
    m_selected = layer;
    update();
}

QRect StackCells::cellRect(Index layer) const
{
    return cellGrid(static_cast<int>(m_architecture.layers.size()), width()).cell(static_cast<int>(layer));
}

QSize StackCells::sizeHint() const { return {kUsualWidth, height()}; }

std::optional<Index> StackCells::layerAt(const QPoint& pos) const
{
    const auto count = static_cast<int>(m_architecture.layers.size());
    const CellGrid grid = cellGrid(count, width());
    for (int i = 0; i < count; ++i)
        if (grid.cell(i).adjusted(-1, -1, 2, 2).contains(pos))
            return i;
    return {};
}

std::optional<Index> StackCells::dropPlace(const QPoint& pos) const
{
    const auto count = static_cast<int>(m_architecture.layers.size());
    const CellGrid grid = cellGrid(count, width());
    std::optional<Index> best;
    int nearest = 0;
    for (int i = 0; i < count; ++i) {
        const int distance = (grid.cell(i).center() - pos).manhattanLength();
        if (!best || distance < nearest) {
            best = i;
            nearest = distance;
        }
    }
    return best;
}

void StackCells::paintDrop(QPainter& painter) const
{
    const auto place = dropPlace(m_pointer);
    if (!m_dragging || !m_from || !place || *place == *m_from)
        return;
    const QRect cell = cellRect(*place);
    const int x = *place > *m_from ? cell.right() + 2 : cell.left() - 2;
    painter.setPen(QPen(plotTheme(palette()).accent, 3));
    painter.drawLine(x, cell.top(), x, cell.bottom());
}

void StackCells::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    paintStack(painter, rect(), m_architecture, plotTheme(palette()), m_selected);
    paintDrop(painter);
}

void StackCells::mousePressEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton)
        return QWidget::mousePressEvent(event);
    m_from = layerAt(event->pos());
    m_pressed = m_pointer = event->pos();
    m_dragging = false;
}

void StackCells::mouseMoveEvent(QMouseEvent* event)
{
    m_pointer = event->pos();
    if (m_editable && m_from && (event->buttons() & Qt::LeftButton) != 0 &&
        (m_pointer - m_pressed).manhattanLength() >= QApplication::startDragDistance())
        m_dragging = true;
    if (m_dragging)
        update();
    const auto layer = layerAt(m_pointer);
    const bool opens = layer && m_architecture.layers[static_cast<std::size_t>(*layer)].recurrent;
    setCursor(m_dragging ? Qt::ClosedHandCursor : layer && (m_editable || opens) ? Qt::PointingHandCursor : Qt::ArrowCursor);
}

void StackCells::mouseReleaseEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton || !m_from)
        return;
    const Index from = *m_from;
    m_from.reset();
    const auto to = dropPlace(event->pos());
    const bool dragged = std::exchange(m_dragging, false);
    update();
    if (dragged && to && *to != from) {
        Q_EMIT moved(from, *to);
    } else if (!dragged && layerAt(event->pos()) == from) {
        if (m_editable)
            setSelected(from);
        Q_EMIT clicked(from);
    }
}

void StackCells::keyPressEvent(QKeyEvent* event)
{
    const auto last = static_cast<Index>(m_architecture.layers.size()) - 1;
    const Index step = event->key() == Qt::Key_Right ? 1 : event->key() == Qt::Key_Left ? -1 : 0;
    if (!m_editable || step == 0 || last < 0)
        return QWidget::keyPressEvent(event);
    const Index at = std::clamp<Index>(m_selected.value_or(0), 0, last);
    const Index to = std::clamp<Index>(at + step, 0, last);
    if ((event->modifiers() & Qt::ControlModifier) != 0 && m_selected && to != at) {
        Q_EMIT moved(at, to);
        return;
    }
    setSelected(m_selected ? to : at);
    Q_EMIT clicked(*m_selected);
}

bool StackCells::event(QEvent* event)
{
    if (event->type() == QEvent::PaletteChange)
        update();
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const auto layer = layerAt(help->pos());
    if (!layer) {
        QToolTip::hideText();
        return true;
    }
    QString text = layerTip(m_architecture, *layer);
    if (m_editable)
        text += tr("<br><i>Click to change it, drag it elsewhere (Ctrl+Left, Ctrl+Right)</i>");
    else if (m_architecture.layers[static_cast<std::size_t>(*layer)].recurrent)
        text += tr("<br><i>Click to see this mixer's map on the open sequence</i>");
    QToolTip::showText(help->globalPos(), text, this, cellRect(*layer));
    return true;
}

} // namespace attnscope
