// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/row_plot.h"

#include "ui/row_figure.h"
#include "ui/token_ticker.h"

#include <QMouseEvent>
#include <QPointer>
#include <QWheelEvent>

#include <cmath>

namespace attnscope {

namespace {

struct RowResult {
    std::vector<RowSeries> series;
    std::optional<KeyRange> visible;
    QString failure;
    bool cancelled = false;
};

/// One row to be read: of a pane, or of exact attention where an earlier pin is.
struct RowOrder {
    QString title;
    bool exact = false;
    std::size_t pin = 0; ///< number of an earlier pin; 0: the shown query
    std::shared_ptr<const ScoreSource> source;
    Index query = 0;
};

RowResult readRows(const std::vector<RowOrder>& orders, const RunContext& context)
{
    RowResult result;
    for (const RowOrder& order : orders) {
        const Index query = order.query;
        if (query >= order.source->rows())
            continue;
        const Index keys = order.source->cols();
        RowSeries series{order.title, order.exact, std::vector<float>(std::size_t(keys)), order.pin, order.source->visible(query)};
        if (auto done = order.source->read({query, 0, 1, keys, 0}, Pool::Max, {series.values.data(), 1, keys, keys}, context); !done) {
            result.cancelled = done.error().code == Errc::Cancelled;
            result.failure = QString::fromStdString(done.error().what);
            return result;
        }
        if (order.pin == 0)
            result.visible = result.visible ? hull(*result.visible, series.visible) : series.visible;
        result.series.push_back(std::move(series));
    }
    return result;
}

} // namespace

RowPlot::RowPlot(Executor executor, QWidget* parent)
    : QWidget(parent), m_executor(std::move(executor)), m_plot(new QCustomPlot(this)), m_figure(std::make_unique<RowFigure>(m_plot))
{
    setMinimumSize(240, 50);
    m_plot->setMouseTracking(true);
    m_plot->installEventFilter(this);
    m_figure->setTheme(plotTheme(palette()));
    m_figure->setHeader(describeQuery(), {}, std::nullopt);
}

RowPlot::~RowPlot() { m_stop.request_stop(); }

void RowPlot::setSources(const std::vector<PaneContent>& panes)
{
    m_sources.clear();
    for (const PaneContent& pane : panes)
        if (pane.source && pane.kind != PaneContent::Kind::Error)
            m_sources.push_back(pane);
    read();
}

void RowPlot::setTokens(const QStringList& tokens)
{
    m_tokens = tokens;
    m_figure->setTokens(tokens);
    m_figure->setHeader(describeQuery(), describeKey(), m_key);
}

void RowPlot::setQuery(std::optional<Index> query) { setRows(query, {}); }

void RowPlot::setPins(const std::vector<MapCell>& pins)
{
    std::vector<std::pair<std::size_t, Index>> earlier;
    for (std::size_t i = 0; i + 1 < pins.size(); ++i)
        if (pins[i].query != pins.back().query)
            earlier.emplace_back(i + 1, pins[i].query);
    setRows(pins.empty() ? std::nullopt : std::optional(pins.back().query), std::move(earlier));
}

void RowPlot::setRows(std::optional<Index> query, std::vector<std::pair<std::size_t, Index>> earlier)
{
    if (query == m_query && earlier == m_earlier)
        return;
    m_query = query;
    m_earlier = std::move(earlier);
    read();
}

void RowPlot::setMarks(std::shared_ptr<const TextMarks> marks) { m_figure->setMarks(std::move(marks)); }

void RowPlot::setLogScale(bool log) { m_figure->setLog(log); }

void RowPlot::setCursorKey(std::optional<Index> key)
{
    if (key == m_key)
        return;
    m_key = key;
    m_figure->setHeader(describeQuery(), describeKey(), m_key);
}

std::vector<float> RowPlot::values(std::size_t at) const
{
    return at < m_figure->series().size() ? m_figure->series()[at].values : std::vector<float>();
}

QString RowPlot::describe(Index query) const
{
    if (query < m_tokens.size())
        return tr("“%1” (query %2)").arg(displayToken(m_tokens[query])).arg(query);
    return tr("query %1").arg(query);
}

QString RowPlot::describeQuery() const
{
    return m_query ? tr("row of %1").arg(describe(*m_query)) : tr("Click a cell to see its whole row");
}

QString RowPlot::describeKey() const
{
    if (!m_key || !m_query || m_sources.empty())
        return {};
    return *m_key < m_tokens.size() ? tr("key %1 “%2”").arg(*m_key).arg(displayToken(m_tokens[*m_key])) : tr("key %1").arg(*m_key);
}

// The latest row wins; a row of a kernel method costs keys x features, so it is read on a worker.
void RowPlot::read()
{
    m_stop.request_stop();
    m_stop = std::stop_source();
    const std::uint64_t number = ++m_wanted;
    if (!m_query || m_sources.empty()) {
        m_shown = number;
        m_figure->setSeries({}, {});
        m_figure->setHeader(describeQuery(), {}, std::nullopt);
        return;
    }
    std::vector<RowOrder> orders;
    for (const PaneContent& pane : m_sources)
        orders.push_back({pane.title, pane.kind == PaneContent::Kind::Exact, 0, pane.source, *m_query});
    if (m_sources.front().kind == PaneContent::Kind::Exact)
        for (const auto& [pin, query] : m_earlier)
            orders.push_back({QStringLiteral("%1: %2").arg(pin).arg(describe(query)), false, pin, m_sources.front().source, query});
    RunContext context;
    context.stop = m_stop.get_token();
    context.threads = 1;
    m_executor([self = QPointer<RowPlot>(this), app = QCoreApplication::instance(), orders = std::move(orders), context, number] {
        const RowResult result = readRows(orders, context);
        QMetaObject::invokeMethod(
            app,
            [self, result, number] {
                if (!self || number != self->m_wanted || result.cancelled)
                    return;
                self->m_shown = number;
                self->m_figure->setSeries(result.series, result.visible.value_or(KeyRange{}));
                self->m_figure->setHeader(self->describeQuery(), self->describeKey(), self->m_key);
                if (!result.failure.isEmpty())
                    Q_EMIT self->failed(result.failure);
                Q_EMIT self->painted();
            },
            Qt::QueuedConnection);
    });
}

void RowPlot::zoom(QWheelEvent* event)
{
    const QCPRange range = m_figure->range();
    const double at = m_plot->xAxis->pixelToCoord(event->position().x());
    const double factor = std::pow(0.8, (event->angleDelta().y() + event->angleDelta().x()) / 120.0);
    m_figure->setRange(at - (at - range.lower) * factor, at - (at - range.lower) * factor + range.size() * factor);
}

bool RowPlot::mouse(QEvent* event)
{
    if (event->type() == QEvent::Leave) {
        setCursorKey(std::nullopt);
        Q_EMIT left();
        return false;
    }
    const auto* mouse = static_cast<QMouseEvent*>(event);
    const auto key = static_cast<Index>(std::floor(m_plot->xAxis->pixelToCoord(mouse->pos().x())));
    const bool inside = m_query && m_figure->plotRect().contains(mouse->pos()) && key >= 0 && key < m_figure->keys();
    if (event->type() == QEvent::MouseButtonDblClick)
        m_figure->setRange(0.0, double(m_figure->keys()));
    else if (event->type() == QEvent::MouseButtonPress && inside)
        Q_EMIT clicked(*m_query, key);
    else if (inside) {
        setCursorKey(key);
        Q_EMIT hovered(*m_query, key);
    }
    return true;
}

bool RowPlot::eventFilter(QObject* watched, QEvent* event)
{
    switch (event->type()) {
    case QEvent::Wheel:
        zoom(static_cast<QWheelEvent*>(event));
        return true;
    case QEvent::MouseMove:
    case QEvent::MouseButtonPress:
    case QEvent::MouseButtonDblClick:
    case QEvent::Leave:
        return mouse(event);
    default:
        return QWidget::eventFilter(watched, event);
    }
}

void RowPlot::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        m_figure->setTheme(plotTheme(palette()));
}

void RowPlot::resizeEvent(QResizeEvent*)
{
    m_plot->setGeometry(rect());
    if (m_plot->bufferDevicePixelRatio() != devicePixelRatioF())
        m_plot->setBufferDevicePixelRatio(devicePixelRatioF());
    m_figure->layout(size());
    m_figure->replot();
}

void RowPlot::renderTo(QCPPainter& painter, const QRect& target)
{
    m_figure->setTheme(lightPlotTheme());
    m_figure->layout(target.size());
    m_figure->replot();
    painter.save();
    painter.translate(target.topLeft());
    m_plot->toPainter(&painter, target.width(), target.height());
    painter.restore();
    m_figure->setTheme(plotTheme(palette()));
    m_figure->layout(size());
    m_figure->replot();
}

} // namespace attnscope
