// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/range_histogram.h"

#include "ui/pane_layout.h"
#include "ui/plot_theme.h"

#include <QMouseEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr int kBins = 96;
constexpr int kHandle = 5;               // half the width of a handle
constexpr double kNarrowest = 1.0 / 200; // of the axis, between the handles

} // namespace

RangeHistogram::RangeHistogram(QWidget* parent) : QWidget(parent), m_counts(kBins, 0)
{
    setCursor(Qt::SizeHorCursor);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setToolTip(tr("How many cells have which value. Drag the two handles."));
}

void RangeHistogram::setValues(const std::vector<float>& values, const ColorScale& axis)
{
    m_axis = axis;
    m_counts.assign(kBins, 0);
    for (const float x : values)
        if (isDrawable(x))
            ++m_counts[static_cast<std::size_t>(std::min(kBins - 1, static_cast<int>(axis.position(x) * kBins)))];
    update();
}

void RangeHistogram::setRange(double low, double high)
{
    m_low = low;
    m_high = high;
    update();
}

QRect RangeHistogram::plotRect() const
{
    return rect().adjusted(kHandle + 10, 4, -kHandle - 10, -QFontMetrics(smallFont()).height() - kHandle - 6);
}

int RangeHistogram::pixelOf(double value) const
{
    const QRect plot = plotRect();
    return plot.left() + static_cast<int>(std::lround(m_axis.position(value) * (plot.width() - 1)));
}

void RangeHistogram::moveHandle(int x)
{
    const QRect plot = plotRect();
    const double at = std::clamp((x - plot.left()) / double(plot.width() - 1), 0.0, 1.0);
    if (m_handle < 0)
        m_low = m_axis.value(std::min(at, m_axis.position(m_high) - kNarrowest));
    else
        m_high = m_axis.value(std::max(at, m_axis.position(m_low) + kNarrowest));
    update();
    Q_EMIT dragged(m_low, m_high);
}

void RangeHistogram::mousePressEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton)
        return;
    const int x = event->pos().x();
    m_handle = std::abs(x - pixelOf(m_low)) < std::abs(x - pixelOf(m_high)) ? -1 : 1;
    moveHandle(x);
}

void RangeHistogram::mouseMoveEvent(QMouseEvent* event)
{
    if (m_handle != 0)
        moveHandle(event->pos().x());
}

void RangeHistogram::mouseReleaseEvent(QMouseEvent*) { m_handle = 0; }

// Heights by the logarithm of the count: a map has many small weights and few large ones.
void RangeHistogram::drawBars(QPainter& painter, const QRect& plot) const
{
    const int most = *std::max_element(m_counts.begin(), m_counts.end());
    if (most == 0)
        return;
    ColorScale shown = m_axis;
    shown.low = m_low;
    shown.high = m_high;
    for (int bin = 0; bin < kBins; ++bin) {
        const int count = m_counts[static_cast<std::size_t>(bin)];
        if (count == 0)
            continue;
        const int left = plot.left() + plot.width() * bin / kBins;
        const int right = plot.left() + plot.width() * (bin + 1) / kBins;
        const int height = std::max(1, static_cast<int>(plot.height() * std::log1p(count) / std::log1p(most)));
        const Rgb color = shown.color(m_axis.value((bin + 0.5) / kBins));
        painter.fillRect(left, plot.bottom() + 1 - height, std::max(1, right - left), height, QColor(color.r, color.g, color.b));
    }
}

void RangeHistogram::drawAxis(QPainter& painter, const QRect& plot) const
{
    const PlotTheme theme = plotTheme(palette());
    painter.setPen(theme.muted);
    painter.drawLine(plot.bottomLeft() + QPoint(0, 1), plot.bottomRight() + QPoint(0, 1));
    painter.setPen(theme.foreground);
    const int top = plot.bottom() + kHandle + 4;
    for (const auto& tick : ticksOf(m_axis, 5)) {
        const int x = plot.left() + static_cast<int>(tick.position * (plot.width() - 1));
        painter.drawText(QRect(x - 40, top, 80, height() - top), Qt::AlignHCenter | Qt::AlignTop, QString::fromStdString(tick.label));
    }
}

void RangeHistogram::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setFont(smallFont());
    const PlotTheme theme = plotTheme(palette());
    const QRect plot = plotRect();
    painter.fillRect(plot, theme.background);
    drawBars(painter, plot);
    drawAxis(painter, plot);
    painter.setRenderHint(QPainter::Antialiasing);
    for (const double end : {m_low, m_high}) {
        const int x = pixelOf(end);
        painter.setPen(QPen(theme.accent, 1.5));
        painter.drawLine(x, plot.top(), x, plot.bottom() + 1);
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme.accent);
        const int y = plot.bottom() + 1;
        painter.drawPolygon(QPolygon({QPoint(x, y), QPoint(x - kHandle, y + kHandle + 2), QPoint(x + kHandle, y + kHandle + 2)}));
    }
}

} // namespace attnscope
