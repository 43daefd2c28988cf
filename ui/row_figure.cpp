// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/row_figure.h"

#include "core/color/color_scale.h"
#include "ui/pane_layout.h"
#include "ui/token_bands.h"
#include "ui/token_ticker.h"

#include <cmath>

namespace attnscope {

std::vector<std::pair<double, double>> downsample(const std::vector<float>& values, double from, double to, int bins)
{
    const Index first = std::clamp<Index>(Index(std::floor(from)), 0, Index(values.size()));
    const Index last = std::clamp<Index>(Index(std::ceil(to)), first, Index(values.size()));
    const Index count = std::min<Index>(last - first, std::max(1, bins));
    std::vector<std::pair<double, double>> points;
    points.reserve(std::size_t(count));
    for (Index bin = 0; bin < count; ++bin) {
        const Index a = first + bin * (last - first) / count;
        const Index b = first + (bin + 1) * (last - first) / count;
        float peak = values[std::size_t(a)];
        for (Index i = a + 1; i < b; ++i)
            peak = std::abs(values[std::size_t(i)]) > std::abs(peak) ? values[std::size_t(i)] : peak;
        points.emplace_back(0.5 * double(a + b), double(peak));
    }
    return points;
}

// Header and the shade over masked keys.
class RowFigure::Decor : public QCPLayerable {
public:
    Decor(QCustomPlot* plot, const RowFigure& figure) : QCPLayerable(plot, QStringLiteral("background")), m_figure(figure) {}

    QString title;
    QString key;
    std::optional<Index> cursor;
    KeyRange visible;

    /// Entries of earlier pins, one below the other in the plot's upper right corner.
    void drawPins(QCPPainter* painter) const
    {
        painter->setFont(smallFont());
        const QFontMetrics small(smallFont());
        int width = 0;
        int count = 0;
        for (const RowSeries& series : m_figure.m_series)
            if (series.pin > 0 && ++count > 0)
                width = std::max(width, small.horizontalAdvance(nameOf(series)));
        if (count == 0)
            return;
        width += kMark + kValueGap + valueWidth();
        const QRect rect = m_figure.m_rect;
        QRect line(rect.right() - width - 6, rect.top() + 4, width, small.height());
        QColor ground = m_figure.m_theme.background;
        ground.setAlpha(220);
        painter->fillRect(line.adjusted(-4, -1, 4, (count - 1) * line.height() + 1), ground);
        for (std::size_t i = 0; i < m_figure.m_series.size(); ++i)
            if (m_figure.m_series[i].pin > 0) {
                drawEntryIn(painter, i, line);
                line.translate(0, line.height());
            }
    }

protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(false); }
    void draw(QCPPainter* painter) override
    {
        const QRect rect = m_figure.m_rect;
        const auto pixel = [&](Index column) {
            return std::clamp(mParentPlot->xAxis->coordToPixel(double(column)), double(rect.left()), double(rect.right()));
        };
        for (const auto& [from, to] : {std::pair{Index{0}, visible.first}, std::pair{visible.last, m_figure.keys()}})
            painter->fillRect(QRectF(QPointF(pixel(from), rect.top()), QPointF(pixel(to), rect.bottom())), m_figure.m_theme.masked);
        QFont bold = plotFont();
        bold.setBold(true);
        const QFontMetrics large(bold);
        const QFontMetrics small(smallFont());
        const QRect header(rect.left(), 4, rect.width(), large.height());
        int right = header.right();
        painter->setFont(smallFont());
        const bool withValues = entriesWidth(true) + large.horizontalAdvance(title) <= header.width();
        for (std::size_t i = m_figure.m_series.size(); i-- > 0;)
            if (m_figure.m_series[i].pin == 0)
                right = drawEntry(painter, i, right, header, withValues);
        painter->setPen(m_figure.m_theme.muted);
        const int keyWidth = std::min(small.horizontalAdvance(key), std::max(0, (right - header.left()) / 2));
        painter->drawText(QRect(right - keyWidth, header.top(), keyWidth, header.height()), Qt::AlignRight | Qt::AlignVCenter,
                          small.elidedText(key, Qt::ElideRight, keyWidth));
        right -= keyWidth + 10;
        painter->setFont(bold);
        painter->setPen(m_figure.m_theme.foreground);
        painter->drawText(QRect(header.left(), header.top(), right - header.left(), header.height()), Qt::AlignLeft | Qt::AlignVCenter,
                          large.elidedText(title, Qt::ElideRight, right - header.left()));
    }

private:
    static constexpr int kMark = 18;
    static constexpr int kValueGap = 6;
    static constexpr int kEntryGap = 14;

    static int valueWidth() { return QFontMetrics(smallFont()).horizontalAdvance(QStringLiteral("−0.000000")); }
    static QString nameOf(const RowSeries& series) { return QFontMetrics(smallFont()).elidedText(series.title, Qt::ElideRight, 170); }

    static int entryWidth(const RowSeries& series, bool withValue)
    {
        return kMark + QFontMetrics(smallFont()).horizontalAdvance(nameOf(series)) + (withValue ? kValueGap + valueWidth() : 0);
    }

    // Of the shown query, side by side.
    int entriesWidth(bool withValues) const
    {
        int all = 0;
        for (const RowSeries& series : m_figure.m_series)
            all += series.pin == 0 ? entryWidth(series, withValues) + kEntryGap : 0;
        return all;
    }

    // A legend entry that ends at `right`; returns where it begins. Where there is no room for all of them, values go first, then
    // the first entries.
    int drawEntry(QCPPainter* painter, std::size_t at, int right, const QRect& header, bool withValue) const
    {
        const int width = entryWidth(m_figure.m_series[at], withValue);
        if (right - width < header.left())
            return right;
        drawEntryIn(painter, at, QRect(right - width, header.top(), width, header.height()), withValue);
        return right - width - kEntryGap;
    }

    // Mark, name, and the value under the cursor.
    void drawEntryIn(QCPPainter* painter, std::size_t at, const QRect& box, bool withValue = true) const
    {
        const RowSeries& series = m_figure.m_series[at];
        const bool known = cursor && *cursor < Index(series.values.size());
        const QString value = known ? QString::fromStdString(formatValue(series.values[std::size_t(*cursor)])) : QString();
        const int thick = series.exact ? 10 : series.pin > 0 ? 1 : 3;
        painter->fillRect(QRect(box.left(), box.center().y() - thick / 2, 12, thick), m_figure.colorOf(at));
        painter->setPen(m_figure.m_theme.foreground);
        painter->drawText(box.adjusted(kMark, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, nameOf(series));
        if (withValue)
            painter->drawText(QRect(box.right() - valueWidth() + 1, box.top(), valueWidth(), box.height()),
                              Qt::AlignLeft | Qt::AlignVCenter, value);
    }

    const RowFigure& m_figure;
};

// The line under the cursor and the entries of pins: above the curves.
class RowFigure::Cursor : public QCPLayerable {
public:
    Cursor(QCustomPlot* plot, const RowFigure& figure) : QCPLayerable(plot, QStringLiteral("overlay")), m_figure(figure) {}

protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(false); }
    QRect clipRect() const override { return m_figure.m_rect; }
    void draw(QCPPainter* painter) override
    {
        m_figure.m_decor->drawPins(painter);
        if (!m_figure.m_decor->cursor || m_figure.m_series.empty() || painter->modes().testFlag(QCPPainter::pmNoCaching))
            return;
        const double x = mParentPlot->xAxis->coordToPixel(double(*m_figure.m_decor->cursor) + 0.5);
        painter->setPen(QPen(m_figure.m_theme.muted, 1, Qt::DashLine));
        painter->drawLine(QPointF(x, m_figure.m_rect.top()), QPointF(x, m_figure.m_rect.bottom()));
    }

private:
    const RowFigure& m_figure;
};

RowFigure::RowFigure(QCustomPlot* plot) : m_plot(plot)
{
    m_plot->axisRect()->setAutoMargins(QCP::msNone);
    m_plot->xAxis->setTicker(QSharedPointer<TokenTicker>::create());
    m_plot->xAxis->grid()->setVisible(false);
    for (QCPAxis* axis : {m_plot->xAxis, m_plot->yAxis}) {
        axis->setTickLength(0, 4);
        axis->setSubTicks(false);
    }
    m_decor = new Decor(m_plot, *this);
    m_bands = new TokenBands(m_plot, m_plot->xAxis, nullptr);
    m_cursor = new Cursor(m_plot, *this);
}

RowFigure::~RowFigure() = default;

void RowFigure::setSeries(std::vector<RowSeries> series, KeyRange visible)
{
    const bool sameLength = !series.empty() && Index(series.front().values.size()) == keys();
    m_series = std::move(series);
    m_decor->visible = visible;
    if (!sameLength)
        m_plot->xAxis->setRange(0.0, std::max<double>(1.0, double(keys())));
    replot();
}

void RowFigure::setTokens(const QStringList& tokens)
{
    m_hasTokens = !tokens.isEmpty();
    m_plot->xAxis->ticker().staticCast<TokenTicker>()->setTokens(std::make_shared<const QStringList>(tokens));
    replot();
}

void RowFigure::setTheme(const PlotTheme& theme)
{
    m_theme = theme;
    applyPlotTheme(m_plot, theme);
    replot();
}

void RowFigure::setLog(bool log)
{
    m_log = log;
    replot();
}

void RowFigure::setMarks(std::shared_ptr<const TextMarks> marks)
{
    m_bands->marks = std::move(marks);
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

void RowFigure::setHeader(const QString& title, const QString& key, std::optional<Index> cursor)
{
    m_decor->title = title;
    m_decor->key = key;
    m_decor->cursor = cursor;
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

QCPRange RowFigure::range() const { return m_plot->xAxis->range(); }

void RowFigure::setRange(double from, double to)
{
    const double all = std::max<double>(1.0, double(keys()));
    const double length = std::clamp(to - from, std::min(4.0, all), all);
    const double start = std::clamp(from, 0.0, all - length);
    m_plot->xAxis->setRange(start, start + length);
    replot();
}

void RowFigure::layout(const QSize& size)
{
    m_size = size;
    const QFontMetricsF metrics(smallFont());
    const QFontMetrics large(plotFont());
    const double room = metrics.averageCharWidth() * 8;
    const int left = int(metrics.horizontalAdvance(QStringLiteral("0.0000"))) + 12;
    const int width = std::max(20, size.width() - left - 14);
    const double cell = width / std::max(1.0, m_plot->xAxis->range().size());
    const auto ticker = m_plot->xAxis->ticker().staticCast<TokenTicker>();
    ticker->setGeometry(cell, metrics.height() * 0.92, room, metrics);
    const bool tokens = m_hasTokens && ticker->showsTokens();
    if (!tokens)
        ticker->setGeometry(cell, metrics.horizontalAdvance(QString::number(keys())), room, metrics);
    m_plot->xAxis->setTickLabelRotation(tokens ? -90 : 0);
    const int top = large.height() + 12;
    const int bottom = int(tokens ? room : metrics.height()) + 10;
    m_rect = QRect(left, top, width, std::max(20, size.height() - top - bottom));
    m_plot->axisRect()->setMargins({left, top, size.width() - m_rect.right() - 1, size.height() - m_rect.bottom() - 1});
}

QColor RowFigure::colorOf(std::size_t series) const
{
    const std::size_t pin = m_series[series].pin;
    return pin > 0 ? pinColor(m_theme, pin - 1) : seriesColors(m_theme)[qsizetype(series) % 6];
}

// Exact attention is filled, approximations are lines: both stay visible where they coincide.
void RowFigure::rebuild()
{
    m_plot->clearGraphs();
    const QCPRange range = m_plot->xAxis->range();
    const bool log = m_plot->yAxis->scaleType() == QCPAxis::stLogarithmic;
    for (std::size_t i = 0; i < m_series.size(); ++i) {
        const QColor color = colorOf(i);
        QCPGraph* graph = m_plot->addGraph();
        graph->setLineStyle(QCPGraph::lsStepCenter);
        graph->setAdaptiveSampling(false);
        graph->setAntialiased(false);
        graph->setPen(QPen(color, m_series[i].exact || m_series[i].pin > 0 ? 1.0 : 1.6));
        if (m_series[i].exact) {
            QColor fill = color;
            fill.setAlpha(95);
            graph->setBrush(fill);
        }
        const KeyRange visible = m_series[i].pin > 0 ? m_series[i].visible : m_decor->visible;
        const double first = std::max(range.lower, double(visible.first)); // masked keys have no value to draw
        const double last = std::min(range.upper, double(visible.last));
        const auto points = downsample(m_series[i].values, first, last, m_rect.width());
        const double half = points.size() > 1 ? 0.5 * (points[1].first - points[0].first) : 0.5;
        QVector<double> x;
        QVector<double> y;
        for (const auto& [key, value] : points) {
            x.append(key);
            y.append(log ? std::max(value, kLogFloor) : value);
        }
        if (!points.empty()) { // the outer half steps
            x.prepend(x.front() - 2 * half);
            y.prepend(y.front());
            x.append(x.back() + 2 * half);
            y.append(y.back());
        }
        graph->setData(x, y, true);
    }
}

void RowFigure::updateValueAxis()
{
    double low = 0.0;
    double high = 0.0;
    double positive = 1.0;
    for (const RowSeries& series : m_series)
        for (const float value : series.values) {
            if (!isDrawable(value))
                continue;
            low = std::min(low, double(value));
            high = std::max(high, double(value));
            if (value > 0.0F)
                positive = std::min(positive, double(value));
        }
    const bool log = m_log && low >= 0.0 && high > 0.0;
    QCPAxis* axis = m_plot->yAxis;
    const double labels = m_rect.height() / (1.1 * QFontMetricsF(smallFont()).height());
    axis->setTickLabels(labels >= 2.0);
    if (log) {
        axis->setScaleType(QCPAxis::stLogarithmic);
        axis->setNumberFormat(QStringLiteral("eb"));
        axis->setNumberPrecision(0);
        const double floor = std::max(kLogFloor, std::pow(10.0, std::floor(std::log10(std::max(positive, kLogFloor)))));
        axis->setRange(std::min(floor, high / 10.0), high * 1.4);
        // In a low window each second or third power of ten has a label.
        const double decades = std::log10(axis->range().upper / axis->range().lower);
        const double step = std::min(std::ceil(decades / std::max(1.0, labels)), std::floor(decades / 1.6)); // the ticker wants as many
        const auto ticker = QSharedPointer<QCPAxisTickerLog>::create();
        ticker->setLogBase(std::pow(10.0, std::max(1.0, step)));
        axis->setTicker(ticker);
        return;
    }
    const auto ticker = QSharedPointer<QCPAxisTicker>::create();
    ticker->setTickCount(4);
    axis->setScaleType(QCPAxis::stLinear);
    axis->setTicker(ticker);
    axis->setNumberFormat(QStringLiteral("gb"));
    axis->setNumberPrecision(3);
    const double span = high > low ? high - low : 1.0;
    axis->setRange(low < 0.0 ? low - 0.06 * span : 0.0, low + span * 1.06);
}

void RowFigure::replot()
{
    if (m_size.isEmpty())
        return;
    layout(m_size);
    for (QCPAxis* axis : {m_plot->xAxis, m_plot->yAxis})
        axis->setVisible(!m_series.empty());
    updateValueAxis();
    rebuild();
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

} // namespace attnscope
