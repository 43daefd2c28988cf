// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/head_grid.h"

#include "core/color/color_scale.h"
#include "ui/pane_layout.h"
#include "ui/plot_theme.h"

#include <QComboBox>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>

namespace attnscope {

namespace {

constexpr int kGap = 3;
constexpr int kLargestCell = 128;
constexpr int kSmallestCell = 10;
constexpr int kBracket = 5; // room below the head labels for the brackets of shared key/value heads

} // namespace

HeadGrid::HeadGrid(QWidget* parent) : QWidget(parent), m_choice(new QComboBox(this))
{
    m_choice->addItems(headOrderNames());
    m_choice->setFocusPolicy(Qt::ClickFocus);
    m_choice->setToolTip(tr("Measured on up to %1 rows of each head's exact map").arg(kHeadStatsRows));
    connect(m_choice, &QComboBox::activated, this, [this](int order) {
        setOrder(static_cast<HeadOrder>(order));
        setFocus();
    });
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
}

void HeadGrid::setGrid(int layers, int heads, int kvHeads)
{
    m_layers = layers;
    m_heads = heads;
    m_kvHeads = kvHeads > 0 && kvHeads < heads && heads % kvHeads == 0 ? kvHeads : 0;
    m_layer = std::clamp(m_layer, 0, std::max(0, layers - 1));
    m_head = std::clamp(m_head, 0, std::max(0, heads - 1));
    clearThumbnails();
    updateGeometry();
}

void HeadGrid::clearThumbnails()
{
    m_images.assign(indexOf(m_layers, 0), QImage());
    m_stats.assign(m_images.size(), std::nullopt);
    m_errors.assign(m_images.size(), std::nullopt);
    m_asked.clear();
    arrange();
}

void HeadGrid::setStats(int layer, int head, const HeadStats& stats)
{
    if (layer < 0 || layer >= m_layers || head < 0 || head >= m_heads)
        return;
    m_stats[indexOf(layer, head)] = stats;
    if (m_order != HeadOrder::Place)
        arrange();
}

void HeadGrid::setError(int layer, int head, double error)
{
    if (layer < 0 || layer >= m_layers || head < 0 || head >= m_heads)
        return;
    m_errors[indexOf(layer, head)] = error;
    if (m_order == HeadOrder::ApproximationError)
        arrange();
}

void HeadGrid::clearErrors()
{
    m_errors.assign(m_images.size(), std::nullopt);
    arrange();
}

void HeadGrid::setOrder(HeadOrder order)
{
    m_order = order;
    m_choice->setCurrentIndex(static_cast<int>(order));
    arrange();
    Q_EMIT orderChanged();
}

void HeadGrid::nextOrder() { setOrder(static_cast<HeadOrder>((m_choice->currentIndex() + 1) % m_choice->count())); }

void HeadGrid::arrange()
{
    m_shown = orderedHeads(m_order, m_stats, m_errors);
    m_place.resize(m_shown.size());
    for (std::size_t place = 0; place < m_shown.size(); ++place)
        m_place[m_shown[place]] = place;
    update();
}

void HeadGrid::setThumbnail(int layer, int head, const QImage& image)
{
    if (layer < 0 || layer >= m_layers || head < 0 || head >= m_heads)
        return;
    m_images[indexOf(layer, head)] = image;
    update(cellRect(layer, head));
}

void HeadGrid::setCurrent(int layer, int head)
{
    m_layer = layer;
    m_head = head;
    update();
}

void HeadGrid::setTransposed(bool transposed)
{
    m_transposed = transposed;
    update();
}

QRect HeadGrid::cellRect(int layer, int head) const
{
    if (m_layers == 0 || m_heads == 0)
        return {};
    const QFontMetrics metrics(smallFont());
    const int left = metrics.horizontalAdvance(QStringLiteral("L00")) + 10;
    const int top = m_choice->sizeHint().height() + 3 + metrics.height() + 3 + (m_kvHeads > 0 ? kBracket : 0);
    const int stepX = (width() - left) / m_heads;
    const int stepY = (height() - top) / m_layers;
    const int step = std::clamp(std::min(stepX, stepY), kSmallestCell + kGap, kLargestCell + kGap);
    const int place = static_cast<int>(m_place[indexOf(layer, head)]);
    return {left + place % m_heads * step, top + place / m_heads * step, step - kGap, step - kGap};
}

QSize HeadGrid::sizeHint() const
{
    return {30 + std::max(1, m_heads) * 40, 29 + m_choice->sizeHint().height() + std::max(1, m_layers) * 40};
}

QSize HeadGrid::minimumSizeHint() const
{
    return {32 + m_heads * (kSmallestCell + kGap), 27 + m_choice->sizeHint().height() + kBracket + m_layers * (kSmallestCell + kGap)};
}

void HeadGrid::paintEvent(QPaintEvent* event)
{
    QPainter painter(this);
    painter.setFont(smallFont());
    if (m_order == HeadOrder::Place)
        paintLabels(painter);
    for (int layer = 0; layer < m_layers; ++layer)
        for (int head = 0; head < m_heads; ++head)
            if (event->rect().intersects(cellRect(layer, head).adjusted(-3, -3, 3, 3)))
                paintCell(painter, layer, head);
}

void HeadGrid::paintLabels(QPainter& painter) const
{
    const PlotTheme theme = plotTheme(palette());
    const QFontMetrics metrics(smallFont());
    const QRect first = cellRect(0, 0);
    if (first.isEmpty())
        return;
    const int names = first.top() - (m_kvHeads > 0 ? kBracket : 0) - 3 - metrics.height();
    const int everyHead = first.width() + kGap >= metrics.horizontalAdvance(QStringLiteral("H00")) + 2 ? 1 : 2;
    const int everyLayer = first.height() + kGap >= metrics.height() ? 1 : 2;
    for (int head = 0; head < m_heads; ++head) {
        const QRect cell = cellRect(0, head);
        painter.setPen(head == m_head ? theme.accent : theme.muted);
        if (head % everyHead == 0 || head == m_head)
            painter.drawText(QRect(cell.center().x() - 20, names, 40, metrics.height()), Qt::AlignCenter,
                             (everyHead == 1 ? QStringLiteral("H%1") : QStringLiteral("%1")).arg(head));
    }
    for (int layer = 0; layer < m_layers; ++layer) {
        const QRect cell = cellRect(layer, 0);
        painter.setPen(layer == m_layer ? theme.accent : theme.muted);
        if (layer % everyLayer == 0 || layer == m_layer)
            painter.drawText(QRect(0, cell.center().y() - 10, cell.left() - 5, 20), Qt::AlignRight | Qt::AlignVCenter,
                             QStringLiteral("L%1").arg(layer));
    }
    painter.setPen(QPen(theme.muted, 1));
    const int y = first.top() - kBracket;
    for (int group = 0; group < m_kvHeads; ++group) {
        const int share = m_heads / m_kvHeads;
        const int from = cellRect(0, group * share).left();
        const int to = cellRect(0, (group + 1) * share - 1).right();
        painter.drawPolyline(QPolygon({QPoint(from, y + 3), QPoint(from, y), QPoint(to, y), QPoint(to, y + 3)}));
    }
}

void HeadGrid::paintCell(QPainter& painter, int layer, int head)
{
    const PlotTheme theme = plotTheme(palette());
    const QRect cell = cellRect(layer, head);
    const QImage& image = m_images[indexOf(layer, head)];
    painter.fillRect(cell, theme.masked);
    if (image.isNull()) {
        if (m_asked.insert({layer, head}).second)
            QMetaObject::invokeMethod(
                this, [this, layer, head] { Q_EMIT thumbnailNeeded(layer, head); }, Qt::QueuedConnection);
    } else {
        painter.setRenderHint(QPainter::SmoothPixmapTransform, image.width() > cell.width() * devicePixelRatioF());
        painter.drawImage(cell, m_transposed ? image.transformed(QTransform(0, 1, 1, 0, 0, 0)) : image);
    }
    if (m_order != HeadOrder::Place)
        paintName(painter, cell, layer, head);
    const bool isCurrent = layer == m_layer && head == m_head;
    if (!isCurrent && m_hovered != std::pair(layer, head))
        return;
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(isCurrent ? theme.accent : theme.muted, 2));
    painter.drawRect(cell.adjusted(-1, -1, 1, 1));
}

// As much of the name as the cell has room for.
void HeadGrid::paintName(QPainter& painter, const QRect& cell, int layer, int head) const
{
    const QFontMetrics metrics(smallFont());
    for (const char* form : {"L%1 H%2", "%1.%2"}) {
        const QString name = QString::fromLatin1(form).arg(layer).arg(head);
        const QRect box(cell.left(), cell.top(), metrics.horizontalAdvance(name) + 6, metrics.height());
        if (!cell.contains(box))
            continue;
        painter.fillRect(box, QColor(20, 22, 26, 190));
        painter.setPen(Qt::white);
        return painter.drawText(box, Qt::AlignCenter, name);
    }
}

std::pair<int, int> HeadGrid::cellAt(const QPoint& pos) const
{
    for (int layer = 0; layer < m_layers; ++layer)
        for (int head = 0; head < m_heads; ++head)
            if (cellRect(layer, head).adjusted(0, 0, kGap, kGap).contains(pos))
                return {layer, head};
    return {-1, -1};
}

void HeadGrid::select(int layer, int head)
{
    const int toLayer = std::clamp(layer, 0, m_layers - 1);
    const int toHead = std::clamp(head, 0, m_heads - 1);
    if (m_layers == 0 || m_heads == 0 || (toLayer == m_layer && toHead == m_head))
        return;
    setCurrent(toLayer, toHead);
    Q_EMIT selected(toLayer, toHead);
}

void HeadGrid::step(int columns, int rows)
{
    if (m_shown.empty())
        return;
    const int place = static_cast<int>(m_place[indexOf(m_layer, m_head)]);
    const int column = std::clamp(place % m_heads + columns, 0, m_heads - 1);
    const int row = std::clamp(place / m_heads + rows, 0, m_layers - 1);
    const int to = static_cast<int>(m_shown[indexOf(row, column)]);
    select(to / m_heads, to % m_heads);
}

void HeadGrid::resizeEvent(QResizeEvent*)
{
    m_choice->setGeometry(0, 0, std::min(width(), m_choice->sizeHint().width()), m_choice->sizeHint().height());
}

void HeadGrid::mousePressEvent(QMouseEvent* event)
{
    const auto [layer, head] = cellAt(event->pos());
    if (event->button() == Qt::LeftButton && layer >= 0)
        select(layer, head);
}

void HeadGrid::mouseDoubleClickEvent(QMouseEvent* event)
{
    const auto [layer, head] = cellAt(event->pos());
    if (layer >= 0)
        Q_EMIT activated(layer, head);
}

void HeadGrid::mouseMoveEvent(QMouseEvent* event)
{
    const auto cell = cellAt(event->pos());
    if (cell != m_hovered) {
        m_hovered = cell;
        update();
    }
}

void HeadGrid::leaveEvent(QEvent*)
{
    m_hovered = {-1, -1};
    update();
}

void HeadGrid::keyPressEvent(QKeyEvent* event)
{
    switch (event->key()) {
    case Qt::Key_Left:
        return step(-1, 0);
    case Qt::Key_Right:
        return step(1, 0);
    case Qt::Key_Up:
        return step(0, -1);
    case Qt::Key_Down:
        return step(0, 1);
    case Qt::Key_Return:
    case Qt::Key_Enter:
        Q_EMIT activated(m_layer, m_head);
        return;
    default:
        QWidget::keyPressEvent(event);
    }
}

bool HeadGrid::event(QEvent* event)
{
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const auto [layer, head] = cellAt(help->pos());
    if (layer < 0)
        QToolTip::hideText();
    else
        QToolTip::showText(help->globalPos(), describe(layer, head));
    return true;
}

QString HeadGrid::describe(int layer, int head) const
{
    QString text = m_kvHeads > 0 ? tr("Layer %1, head %2 (reads key/value head %3)").arg(layer).arg(head).arg(head / (m_heads / m_kvHeads))
                                 : tr("Layer %1, head %2").arg(layer).arg(head);
    if (const auto& stats = m_stats[indexOf(layer, head)])
        text += tr("\nentropy %1 nats · weight on first token %2 · on previous token %3")
                    .arg(QString::fromStdString(formatValue(stats->entropy)), QString::fromStdString(formatValue(stats->firstWeight)),
                         QString::fromStdString(formatValue(stats->previousWeight)));
    if (const auto& error = m_errors[indexOf(layer, head)])
        text += tr("\nmap error of the selected approximation %1").arg(QString::fromStdString(formatValue(*error)));
    return text;
}

} // namespace attnscope
