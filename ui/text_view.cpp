// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/text_view.h"

#include "core/color/color_scale.h"
#include "ui/plot_theme.h"
#include "ui/text_marks.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr int kMargin = 6;
constexpr int kLowest = 36;      // two lines
constexpr double kDecades = 3.0; // of weights below the row's largest that are told apart

bool isSpace(QChar c) { return c == QLatin1Char(' ') || c == QLatin1Char('\n') || c == QLatin1Char('\t') || c == QLatin1Char('\r'); }

} // namespace

TextView::TextView(QWidget* parent) : QAbstractScrollArea(parent)
{
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFocusPolicy(Qt::StrongFocus);
    setMinimumHeight(kLowest);
    viewport()->setCursor(Qt::IBeamCursor);
    viewport()->setBackgroundRole(QPalette::Base);
    viewport()->setAutoFillBackground(true);
    setAccessibleName(tr("Text of the input"));
    measureFont();
}

void TextView::measureFont()
{
    m_lineHeight = fontMetrics().height() + 3;
    m_advances.assign(65536, -1.0F);
    m_layoutWidth = -1;
}

void TextView::setText(std::shared_ptr<const TextIndex> text, const QString& reason)
{
    m_text = std::move(text);
    m_reason = reason;
    m_hits.clear();
    m_current.reset();
    m_weights.clear();
    m_layoutWidth = -1;
    layoutLines();
    verticalScrollBar()->setValue(0);
    viewport()->update();
}

void TextView::setHits(std::vector<TextHit> hits, std::optional<std::size_t> current)
{
    m_hits = std::move(hits);
    m_current = current;
    viewport()->update();
}

void TextView::setSelection(std::optional<Index> query, std::optional<Index> key)
{
    m_query = query;
    m_key = key;
    viewport()->update();
}

void TextView::setWeights(std::vector<float> weights)
{
    m_weights = std::move(weights);
    m_largest = m_weights.empty() ? 0.0F : *std::ranges::max_element(m_weights);
    viewport()->update();
}

double TextView::advance(QChar c) const
{
    if (c == QLatin1Char('\n') || c == QLatin1Char('\r') || c.isLowSurrogate())
        return 0.0;
    float& known = m_advances[c.unicode()];
    if (known < 0.0F)
        known =
            float(c == QLatin1Char('\t') ? 4.0 * fontMetrics().horizontalAdvance(QLatin1Char(' '))
                                         : QFontMetricsF(font()).horizontalAdvance(c.isHighSurrogate() ? QStringLiteral("M") : QString(c)));
    return double(known);
}

// Words stay whole where they fit into a line.
void TextView::layoutLines()
{
    const int width = viewport()->width();
    if (width == m_layoutWidth)
        return;
    m_layoutWidth = width;
    m_lines.clear();
    const QString& text = m_text->text();
    if (!text.isEmpty())
        m_lines.push_back(0);
    const double room = std::max(40, width - 2 * kMargin);
    double x = 0.0;
    qsizetype breakAt = -1; // behind the last space of this line
    double sinceBreak = 0.0;
    for (qsizetype i = 0; i < text.size(); ++i) {
        const QChar c = text[i];
        const double step = advance(c);
        if (x + step > room && i > m_lines.back() && !isSpace(c)) {
            const bool atSpace = breakAt > m_lines.back();
            m_lines.push_back(atSpace ? breakAt : i);
            x = atSpace ? sinceBreak : 0.0;
        }
        x += step;
        sinceBreak += step;
        if (isSpace(c)) {
            breakAt = i + 1;
            sinceBreak = 0.0;
        }
        if (c == QLatin1Char('\n') && i + 1 < text.size()) {
            m_lines.push_back(i + 1);
            x = 0.0;
        }
    }
    updateScrollBar();
}

void TextView::updateScrollBar()
{
    const int page = std::max(1, viewport()->height() / m_lineHeight);
    verticalScrollBar()->setRange(0, std::max(0, lineCount() - page));
    verticalScrollBar()->setPageStep(page);
    verticalScrollBar()->setSingleStep(1);
}

std::size_t TextView::lineOf(qsizetype position) const
{
    const auto after = std::upper_bound(m_lines.begin(), m_lines.end(), position);
    return after == m_lines.begin() ? 0 : static_cast<std::size_t>(after - m_lines.begin()) - 1;
}

double TextView::xOf(std::size_t line, qsizetype position) const
{
    double x = kMargin;
    for (qsizetype i = m_lines[line]; i < position; ++i)
        x += advance(m_text->text()[i]);
    return x;
}

QColor TextView::colorOf(Index token) const
{
    const auto at = static_cast<std::size_t>(token);
    if (at >= m_weights.size() || m_largest <= 0.0F || m_weights[at] <= 0.0F)
        return {};
    const double share = 1.0 + std::log10(double(m_weights[at]) / double(m_largest)) / kDecades;
    if (share <= 0.0)
        return {};
    QColor color = plotTheme(palette()).accent;
    color.setAlphaF(float(0.65 * share));
    return color;
}

void TextView::paintEvent(QPaintEvent* event)
{
    QPainter painter(viewport());
    painter.setFont(font());
    if (m_text->isEmpty()) {
        painter.setPen(plotTheme(palette()).muted);
        painter.drawText(viewport()->rect().adjusted(12, 8, -12, -8), Qt::AlignCenter | Qt::TextWordWrap, m_reason);
        return;
    }
    const auto first = static_cast<std::size_t>(verticalScrollBar()->value());
    for (std::size_t line = first; line < m_lines.size(); ++line) {
        const int top = static_cast<int>(line - first) * m_lineHeight;
        if (top > event->rect().bottom())
            break;
        paintLine(painter, line, top);
        paintMarks(painter, line, top);
    }
}

void TextView::paintLine(QPainter& painter, std::size_t line, int top) const
{
    const QString& text = m_text->text();
    const int baseline = top + fontMetrics().ascent() + 1;
    painter.setPen(palette().color(QPalette::Text));
    double x = kMargin;
    for (qsizetype from = m_lines[line]; from < endOf(line);) {
        const Index token = m_text->tokenAt(from);
        const qsizetype to = std::min(std::max(m_text->lastOf(token), from + 1), endOf(line));
        QString part = text.mid(from, to - from);
        double width = 0.0;
        for (const QChar c : part)
            width += advance(c);
        if (const QColor color = colorOf(token); color.isValid())
            painter.fillRect(QRectF(x, top + 1, width, m_lineHeight - 2), color);
        part.remove(QLatin1Char('\n')).remove(QLatin1Char('\r')).replace(QLatin1Char('\t'), QStringLiteral("    "));
        painter.drawText(QPointF(x, baseline), part);
        x += width;
        from = to;
    }
}

// Hits are underlined in a tint, the query and the key framed: never by colour alone.
void TextView::paintMarks(QPainter& painter, std::size_t line, int top) const
{
    const PlotTheme theme = plotTheme(palette());
    const qsizetype begin = m_lines[line];
    const qsizetype end = endOf(line);
    const auto box = [&](qsizetype first, qsizetype last) {
        const double x = xOf(line, std::max(first, begin));
        return QRectF(x, top + 0.5, std::max(3.0, xOf(line, std::min(last, end)) - x), m_lineHeight - 1);
    };
    const auto firstHit = std::partition_point(m_hits.begin(), m_hits.end(), [&](const TextHit& hit) { return hit.last <= begin; });
    for (auto hit = firstHit; hit != m_hits.end() && hit->first < end; ++hit) {
        const bool current = m_current && static_cast<std::size_t>(hit - m_hits.begin()) == *m_current;
        const QRectF area = box(hit->first, hit->last);
        QColor tint = searchColor();
        painter.fillRect(QRectF(area.left(), area.bottom() - 2.5, area.width(), 2.5), tint);
        tint.setAlpha(current ? 150 : 60);
        painter.fillRect(area, tint);
    }
    const auto frame = [&](std::optional<Index> token, const QPen& pen) {
        if (!token || *token >= m_text->length() || m_text->firstOf(*token) >= end || m_text->lastOf(*token) <= begin)
            return;
        painter.setBrush(Qt::NoBrush);
        painter.setPen(pen);
        painter.drawRect(box(m_text->firstOf(*token), m_text->lastOf(*token)).adjusted(0.5, 0.5, -0.5, -0.5));
    };
    frame(m_key, QPen(theme.foreground, 1.5, Qt::DashLine));
    frame(m_query, QPen(theme.accent, 2.0));
}

std::optional<Index> TextView::tokenAt(const QPoint& pos) const
{
    const int line = verticalScrollBar()->value() + pos.y() / m_lineHeight;
    if (m_text->isEmpty() || pos.y() < 0 || line < 0 || line >= lineCount())
        return std::nullopt;
    const auto at = static_cast<std::size_t>(line);
    double x = kMargin;
    for (qsizetype i = m_lines[at]; i < endOf(at); ++i) {
        x += advance(m_text->text()[i]);
        if (pos.x() < x)
            return m_text->tokenAt(i);
    }
    return m_text->tokenAt(std::max(m_lines[at], endOf(at) - 1));
}

QRect TextView::rectOf(Index token) const
{
    if (m_text->isEmpty() || m_lines.empty())
        return {};
    const qsizetype first = m_text->firstOf(token);
    const std::size_t line = lineOf(std::min(first, m_text->text().size() - 1));
    const double x = xOf(line, first);
    const double right = xOf(line, std::min(m_text->lastOf(token), endOf(line)));
    return QRectF(x, (int(line) - verticalScrollBar()->value()) * m_lineHeight, std::max(1.0, right - x), m_lineHeight).toAlignedRect();
}

void TextView::showToken(Index token)
{
    if (m_text->isEmpty() || m_lines.empty() || token < 0 || token >= m_text->length())
        return;
    // What stands before a token in its part of the text is mostly a line's end: the token itself is to be seen.
    const int line = static_cast<int>(lineOf(std::max<qsizetype>(m_text->firstOf(token), m_text->lastOf(token) - 1)));
    const int page = verticalScrollBar()->pageStep();
    const int top = verticalScrollBar()->value();
    if (line < top || line >= top + page)
        verticalScrollBar()->setValue(line - page / 3);
}

void TextView::resizeEvent(QResizeEvent*)
{
    const Index top = m_lines.empty() ? 0 : m_text->tokenAt(m_lines[static_cast<std::size_t>(verticalScrollBar()->value())]);
    const bool moved = verticalScrollBar()->value() > 0;
    layoutLines();
    updateScrollBar();
    if (moved)
        verticalScrollBar()->setValue(static_cast<int>(lineOf(m_text->firstOf(top))));
}

void TextView::mousePressEvent(QMouseEvent* event)
{
    const auto token = tokenAt(event->pos());
    if (!token)
        return;
    if (event->button() == Qt::RightButton || event->modifiers() & Qt::ControlModifier)
        Q_EMIT keyChosen(*token);
    else if (event->button() == Qt::LeftButton)
        Q_EMIT queryChosen(*token);
}

void TextView::keyPressEvent(QKeyEvent* event)
{
    QScrollBar* bar = verticalScrollBar();
    switch (event->key()) {
    case Qt::Key_Home:
        return bar->setValue(bar->minimum());
    case Qt::Key_End:
        return bar->setValue(bar->maximum());
    default:
        QAbstractScrollArea::keyPressEvent(event);
    }
}

void TextView::changeEvent(QEvent* event)
{
    QAbstractScrollArea::changeEvent(event);
    if (event->type() != QEvent::FontChange && event->type() != QEvent::ApplicationFontChange)
        return;
    measureFont();
    layoutLines();
    viewport()->update();
}

bool TextView::viewportEvent(QEvent* event)
{
    if (event->type() != QEvent::ToolTip)
        return QAbstractScrollArea::viewportEvent(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const auto token = tokenAt(help->pos());
    QString tip;
    if (token) {
        tip = tr("token %1").arg(*token);
        if (const auto at = static_cast<std::size_t>(*token); m_query && at < m_weights.size())
            tip += tr(" · exact weight of query %1: %2").arg(*m_query).arg(QString::fromStdString(formatValue(double(m_weights[at]))));
    }
    QToolTip::showText(help->globalPos(), tip, viewport());
    return true;
}

} // namespace attnscope
