// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/map_strip.h"

#include "ui/plot_theme.h"
#include "ui/token_bands.h"
#include "ui/view_state.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr int kThickness = 22;
constexpr int kColumns = 10;       // parts of the text that share a pixel line, as words share a line of a page
constexpr int kSmallestWindow = 5; // pixels: what can still be taken
constexpr qsizetype kExcerpt = 60;

} // namespace

MapStrip::MapStrip(Qt::Orientation orientation, ViewState* view, QWidget* parent)
    : QWidget(parent), m_orientation(orientation), m_view(view)
{
    setSizePolicy(upright() ? QSizePolicy::Fixed : QSizePolicy::Expanding, upright() ? QSizePolicy::Expanding : QSizePolicy::Fixed);
    setCursor(upright() ? Qt::SizeVerCursor : Qt::SizeHorCursor);
    setAccessibleName(upright() ? tr("Rows of the map within the whole text") : tr("Columns of the map within the whole text"));
    connect(view, &ViewState::changed, this, qOverload<>(&QWidget::update));
}

QSize MapStrip::sizeHint() const { return upright() ? QSize(kThickness, 60) : QSize(60, kThickness); }

double MapStrip::length() const { return double(ofKeys() ? m_view->cols() : m_view->rows()); }

void MapStrip::setText(std::shared_ptr<const TextIndex> text)
{
    m_text = std::move(text);
    drawText();
}

void MapStrip::setMarks(std::shared_ptr<const TextMarks> marks)
{
    m_marks = std::move(marks);
    update();
}

void MapStrip::setPosition(std::optional<Index> position)
{
    m_position = position;
    update();
}

void MapStrip::setTransposed(bool transposed)
{
    m_transposed = transposed;
    update();
}

// One pixel for some tokens, darker the more letters they have: paragraphs and tables are recognised by their shape.
void MapStrip::drawText()
{
    const int rows = pixels();
    m_picture = {};
    if (m_text->isEmpty() || rows < 2)
        return update();
    const auto cells = static_cast<std::size_t>(rows) * kColumns;
    std::vector<float> letters(cells, 0.0F);
    std::vector<float> all(cells, 0.0F);
    const auto n = static_cast<double>(m_text->length());
    for (Index token = 0; token < m_text->length(); ++token) {
        const auto first = static_cast<std::size_t>(double(token) / n * double(cells));
        const auto last = std::max(first + 1, static_cast<std::size_t>(double(token + 1) / n * double(cells)));
        float dark = 0.0F;
        for (const QChar c : m_text->part(token))
            dark += c.isLetterOrNumber() ? 1.0F : 0.0F;
        const auto size = float(m_text->part(token).size());
        for (std::size_t cell = first; cell < std::min(last, cells); ++cell) {
            letters[cell] += dark;
            all[cell] += size;
        }
    }
    QColor ink = plotTheme(palette()).foreground;
    m_picture = QImage(upright() ? kColumns : rows, upright() ? rows : kColumns, QImage::Format_ARGB32);
    for (std::size_t cell = 0; cell < cells; ++cell) {
        const float share = all[cell] > 0.0F ? letters[cell] / all[cell] : 0.0F;
        ink.setAlphaF(0.4F * share * share);
        const auto along = static_cast<int>(cell / kColumns);
        const auto aside = static_cast<int>(cell % kColumns);
        m_picture.setPixelColor(upright() ? aside : along, upright() ? along : aside, ink);
    }
    update();
}

QRect MapStrip::across(int first, int last) const
{
    return upright() ? QRect(0, first, width(), last - first) : QRect(first, 0, last - first, height());
}

QRect MapStrip::windowRect() const
{
    const QRectF view = m_view->rect();
    const double from = ofKeys() ? view.left() : view.top();
    const double count = ofKeys() ? view.width() : view.height();
    if (length() <= 0.0)
        return {};
    const double scale = pixels() / length();
    const int first = int(std::floor(from * scale));
    const int size = std::max(kSmallestWindow, int(std::ceil(count * scale)));
    const int start = std::clamp(first, 0, std::max(0, pixels() - size));
    return across(start, std::min(start + size, pixels()));
}

void MapStrip::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const PlotTheme theme = plotTheme(palette());
    painter.fillRect(rect(), theme.masked);
    if (length() <= 0.0)
        return;
    if (!m_picture.isNull())
        painter.drawImage(rect().adjusted(2, 2, -2, -2), m_picture);
    if (m_marks)
        for (const PixelMark& mark : pixelMarks(*m_marks, 0.0, length(), pixels())) {
            QColor color = searchColor();
            color.setAlphaF(mark.strength);
            painter.fillRect(across(mark.first, mark.last), color);
        }
    const QRect window = windowRect();
    QColor shade = theme.accent;
    shade.setAlpha(m_view->isFitted() ? 0 : 50);
    painter.fillRect(window, shade);
    painter.setPen(QPen(theme.accent, 1));
    painter.drawRect(window.adjusted(0, 0, -1, -1));
    if (!m_position || double(*m_position) >= length())
        return;
    const int at = std::clamp(int(double(*m_position) / length() * pixels()), 0, pixels() - 1);
    painter.fillRect(across(std::max(0, at - 1), at + 2), theme.background);
    painter.fillRect(across(at, at + 1), theme.foreground);
}

double MapStrip::tokenAt(const QPoint& pos) const { return double(upright() ? pos.y() : pos.x()) / std::max(1, pixels()) * length(); }

void MapStrip::moveTo(const QPoint& pos, bool finished)
{
    QPointF corner = m_view->rect().topLeft();
    const double start = tokenAt(pos) - m_grip;
    ofKeys() ? corner.setX(start) : corner.setY(start);
    m_view->panTo(corner, finished);
}

// Outside the window a press brings its middle there.
void MapStrip::mousePressEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton || length() <= 0.0)
        return;
    const QRectF view = m_view->rect();
    const double from = ofKeys() ? view.left() : view.top();
    const double count = ofKeys() ? view.width() : view.height();
    m_grip = windowRect().contains(event->pos()) ? tokenAt(event->pos()) - from : count / 2.0;
    moveTo(event->pos(), false);
}

void MapStrip::mouseMoveEvent(QMouseEvent* event)
{
    if (event->buttons() & Qt::LeftButton)
        moveTo(event->pos(), false);
}

void MapStrip::mouseReleaseEvent(QMouseEvent* event)
{
    if (event->button() == Qt::LeftButton)
        moveTo(event->pos(), true);
}

void MapStrip::resizeEvent(QResizeEvent*) { drawText(); }

void MapStrip::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        drawText();
}

bool MapStrip::event(QEvent* event)
{
    if (event->type() != QEvent::ToolTip || length() <= 0.0)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const auto token = std::clamp<Index>(static_cast<Index>(tokenAt(help->pos())), 0, static_cast<Index>(length()) - 1);
    QString tip = (ofKeys() ? tr("Keys: drag to move the window. Here: token %1") : tr("Queries: drag to move the window. Here: token %1"))
                      .arg(token);
    if (!m_text->isEmpty() && token < m_text->length())
        tip += QStringLiteral("\n…%1…").arg(m_text->text().mid(m_text->firstOf(token), kExcerpt).simplified());
    QToolTip::showText(help->globalPos(), tip, this);
    return true;
}

} // namespace attnscope
