// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/map_pane.h"

#include "ui/chain_button.h"
#include "ui/heatmap_plottable.h"
#include "ui/map_interaction.h"
#include "ui/pane_compare.h"
#include "ui/pane_decor.h"
#include "ui/token_bands.h"
#include "ui/token_ticker.h"
#include "ui/view_state.h"

#include <cmath>

namespace attnscope {

namespace {

QString textOf(std::string_view word) { return QString::fromUtf8(word.data(), qsizetype(word.size())); }

} // namespace

MapPane::MapPane(ViewState* view, Executor tiles, QWidget* parent)
    : QWidget(parent),
      m_shared(view),
      m_view(view),
      m_plot(new QCustomPlot(this)),
      m_chain(new ChainButton(this)),
      m_interaction(std::make_unique<MapInteraction>(view))
{
    makeAxes();
    makeHeatmaps(tiles);
    connectMouse();
    connect(m_chain, &ChainButton::toggled, this, &MapPane::setLinked);
    connect(view, &ViewState::changed, this, [this] {
        if (isLinked())
            updateView();
    });
    applyTheme(plotTheme(palette()));
    setMinimumSize(60, 60); // any more and panes of a small board would overlap
}

MapPane::~MapPane() = default;

void MapPane::makeAxes()
{
    m_plot->setFocusPolicy(Qt::NoFocus); // a click would take the focus, and the held space bar, from the board
    m_plot->layer(QStringLiteral("main"))->setMode(QCPLayer::lmBuffered);
    m_plot->axisRect()->setAutoMargins(QCP::msNone);
    m_plot->setMouseTracking(true);
    m_plot->yAxis->setRangeReversed(true);
    m_plot->xAxis->setTickLabelRotation(0);
    for (QCPAxis* axis : m_plot->axisRect()->axes()) {
        axis->setVisible(true);
        axis->setTickLength(0, 4);
        axis->setSubTicks(false);
        axis->grid()->setVisible(false);
        axis->setTicker(QSharedPointer<TokenTicker>::create());
    }
    for (QCPAxis* axis : {m_plot->xAxis2, m_plot->yAxis2}) {
        axis->setTicks(false);
        axis->setTickLabels(false);
    }
}

void MapPane::makeHeatmaps(const Executor& tiles)
{
    m_heatmap = new HeatmapPlottable(m_plot->xAxis, m_plot->yAxis, tiles);
    m_second = new HeatmapPlottable(m_plot->xAxis, m_plot->yAxis, tiles);
    m_decor = new PaneDecor(m_plot);
    m_compare = new PaneCompare(m_plot, m_heatmap, m_second);
    m_bands = new TokenBands(m_plot, m_plot->xAxis, m_plot->yAxis);
    m_cross = new CrossHair(m_plot, m_plot->xAxis, m_plot->yAxis);
    for (HeatmapPlottable* map : {m_heatmap, m_second}) {
        map->onPainted = [this] { Q_EMIT painted(); };
        map->onFailed = [this](const QString& what) { Q_EMIT failed(what); };
    }
    m_heatmap->onStatistics = [this] { takeStatistics(); };
    m_second->onStatistics = [this] { Q_EMIT statisticsChanged(); };
}

void MapPane::connectMouse()
{
    m_plot->installEventFilter(this);
    m_interaction->onHover = [this](std::optional<MapCell> cell) {
        if (cell && m_pyramid)
            Q_EMIT hovered(cell->query, cell->key);
        else
            Q_EMIT left();
    };
    m_interaction->onClick = [this](MapCell cell, bool further) {
        if (m_pyramid)
            Q_EMIT pinned(cell.query, cell.key, further);
    };
    m_interaction->onBox = [this](const QRectF& pixels) {
        m_cross->box = pixels;
        replotOverlay();
    };
}

void MapPane::setContent(const PaneContent& content)
{
    const bool sameSource = content.source == m_content.source;
    const bool sameKind = content.kind == m_content.kind && m_pyramid;
    m_signed = m_signed && sameKind && content.title == m_content.title;
    m_content = content;
    setAccessibleName(content.title);
    m_decor->title = m_compare->firstTitle = content.title;
    m_decor->subtitle = content.subtitle;
    m_decor->provenance = content.source ? textOf(toString(content.source->provenance())) : QString();
    m_decor->message = content.source ? QString() : content.message.isEmpty() ? tr("Nothing to show yet.") : content.message;
    if (!sameSource) {
        m_seen.reset();
        for (ViewState* view : {m_shared, m_own})
            if (content.source && view)
                view->setMatrix(content.source->rows(), content.source->cols());
        startPyramid(sameKind);
    }
    for (QCPAxis* axis : m_plot->axisRect()->axes())
        axis->setVisible(content.source != nullptr);
    updateView();
}

void MapPane::startPyramid(bool keepPicture)
{
    const bool sameSize =
        m_pyramid && m_content.source && m_pyramid->rows() == m_content.source->rows() && m_pyramid->cols() == m_content.source->cols();
    // Signed maps are pooled to the value farthest from zero: the largest would hide what is negative.
    const bool isSigned = m_signed || m_content.kind == PaneContent::Kind::Error;
    const Pool pool = isSigned && m_pool == Pool::Max ? Pool::Extreme : m_pool;
    if (!keepPicture)
        m_range.reset();
    m_pyramid = m_content.source ? std::make_shared<TilePyramid>(m_content.source, pool) : nullptr;
    m_heatmap->setPyramid(m_pyramid, keepPicture && sameSize);
}

void MapPane::takeStatistics()
{
    m_range = valueRange();
    if (m_pyramid && m_range && m_range->min < 0.0 && !m_signed) {
        m_signed = true;
        if (m_pyramid->pool() == Pool::Max && m_pyramid->topLevel() > 0)
            startPyramid(true);
        updateView();
    }
    Q_EMIT statisticsChanged();
}

void MapPane::setTokens(std::shared_ptr<const QStringList> tokens)
{
    m_tokens = std::move(tokens);
    for (QCPAxis* axis : {m_plot->xAxis, m_plot->yAxis})
        axis->ticker().staticCast<TokenTicker>()->setTokens(m_tokens);
    updateView();
}

void MapPane::setMarks(std::shared_ptr<const TextMarks> marks)
{
    m_bands->marks = std::move(marks);
    replotOverlay();
}

void MapPane::setPool(Pool pool)
{
    if (pool == m_pool)
        return;
    m_pool = pool;
    m_seen.reset();
    startPyramid(true);
    updateView();
}

void MapPane::setHideSink(bool hide)
{
    if (hide == m_hideSink)
        return;
    m_hideSink = hide;
    m_seen.reset();
    m_heatmap->hatchedKeys = m_second->hatchedKeys = hide ? 1 : 0;
    m_plot->replot(QCustomPlot::rpQueuedReplot);
    Q_EMIT statisticsChanged();
}

void MapPane::setScale(const ColorScale& scale, const QString& badge)
{
    if (scale == m_decor->scale && badge == m_decor->badge)
        return;
    m_decor->scale = scale;
    m_decor->badge = badge;
    m_heatmap->setScale(scale);
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

const ColorScale& MapPane::scale() const { return m_decor->scale; }

void MapPane::setCursorCell(std::optional<MapCell> cell)
{
    if (cell == m_cross->cursor)
        return;
    m_cross->cursor = cell;
    replotOverlay();
}

void MapPane::setPins(const std::vector<MapCell>& pins)
{
    m_cross->pins = pins;
    replotOverlay();
}

std::optional<ValueRange> MapPane::valueRange() const
{
    const auto stats = m_pyramid ? m_pyramid->stats() : std::nullopt;
    if (!stats || stats->finite == 0)
        return m_range;
    const ValueRange range = m_hideSink ? stats->beyondFirstKey.value_or(stats->range) : stats->range;
    return m_seen ? united(range, *m_seen) : range;
}

void MapPane::setSeenRange(const ValueRange& range)
{
    if (m_seen == range)
        return;
    m_seen = range;
    Q_EMIT statisticsChanged();
}

bool MapPane::isIdle() const { return m_heatmap->isIdle() && m_second->isIdle(); }

void MapPane::stop()
{
    m_heatmap->stop();
    m_second->stop();
}

QRect MapPane::mapRect() const { return m_decor->layout.map; }

std::optional<MapCell> MapPane::cellAt(const QPoint& pos) const { return m_interaction->cellAt(pos); }

void MapPane::setTransposed(bool transposed)
{
    if (transposed == m_transposed)
        return;
    m_transposed = transposed;
    m_decor->transposed = transposed;
    m_cross->transposed = transposed;
    m_interaction->transposed = transposed;
    m_heatmap->setTransposed(transposed);
    m_second->setTransposed(transposed);
    updateView();
}

QRectF MapPane::viewOnScreen() const { return m_transposed ? transposed(m_view->rect()) : m_view->rect(); }

double MapPane::aspect() const
{
    const double wide = m_pyramid ? double(m_pyramid->cols()) / double(m_pyramid->rows()) : 1.0;
    return m_transposed ? 1.0 / wide : wide;
}

void MapPane::layoutPlot(const QSize& size)
{
    const QRectF view = viewOnScreen();
    const bool tokens = m_tokens && !m_tokens->isEmpty();
    const QFontMetricsF metrics(smallFont());
    const auto columns = m_plot->xAxis->ticker().staticCast<TokenTicker>();
    const auto rows = m_plot->yAxis->ticker().staticCast<TokenTicker>();
    const QRect map = paneLayout(size, tokens, false, aspect()).map;
    const double label = metrics.height() * 0.92;
    const double cellX = map.width() / std::max(1.0, view.width());
    const double cellY = map.height() / std::max(1.0, view.height());
    const double room = paneLayout(size, tokens, false, aspect()).labelRoom;
    columns->setGeometry(cellX, label, room, metrics);
    rows->setGeometry(cellY, label, room, metrics);
    const bool upright = columns->showsTokens();
    if (!upright)
        columns->setGeometry(cellX, metrics.horizontalAdvance(QString::number(qint64(view.right()))), room, metrics);
    m_decor->layout = paneLayout(size, tokens, upright, aspect());
    m_interaction->map = map;
    m_plot->axisRect()->setMargins({map.left(), map.top(), size.width() - map.right() - 1, size.height() - map.bottom() - 1});
    m_plot->xAxis->setTickLabelRotation(upright ? -90 : 0);
    for (QCPAxis* axis : {m_plot->xAxis, m_plot->xAxis2})
        axis->setRange(view.left(), view.right());
    for (QCPAxis* axis : {m_plot->yAxis, m_plot->yAxis2})
        axis->setRange(view.top(), view.bottom());
}

void MapPane::updateView()
{
    const double ratio = m_plot->bufferDevicePixelRatio();
    layoutPlot(size());
    updatePooling(ratio);
    for (HeatmapPlottable* map : {m_heatmap, m_second})
        map->setView(m_view->rect(), (QSizeF(m_decor->layout.map.size()) * ratio).toSize(), ratio);
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

// Hovering redraws nothing but the cross-hair. Before the first replot there is nothing to redraw.
void MapPane::replotOverlay()
{
    if (m_plot->replotTime() > 0.0)
        m_plot->layer(QStringLiteral("overlay"))->replot();
}

void MapPane::applyTheme(const PlotTheme& theme)
{
    applyPlotTheme(m_plot, theme);
    for (QCPAxis* axis : m_plot->axisRect()->axes())
        axis->setTickLabelFont(smallFont());
    m_decor->theme = theme;
    m_cross->theme = theme;
    m_heatmap->setTheme(theme);
    m_second->setTheme(theme);
}

void MapPane::resizeEvent(QResizeEvent*)
{
    m_plot->setGeometry(rect());
    m_chain->move(width() - ChainButton::kSize - 2, 2);
    if (m_plot->bufferDevicePixelRatio() != devicePixelRatioF())
        m_plot->setBufferDevicePixelRatio(devicePixelRatioF());
    updateView();
}

void MapPane::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange || event->type() == QEvent::ApplicationFontChange) {
        applyTheme(plotTheme(palette()));
        updateView();
    }
}

bool MapPane::eventFilter(QObject* watched, QEvent* event)
{
    if (m_compare->handle(event)) {
        if (event->type() == QEvent::MouseMove)
            m_interaction->leave(); // the line is being dragged: no cell is pointed at
        return true;
    }
    switch (event->type()) {
    case QEvent::Wheel:
        m_interaction->wheel(static_cast<QWheelEvent*>(event));
        return true;
    case QEvent::MouseButtonPress:
        if (parentWidget())
            parentWidget()->setFocus(Qt::MouseFocusReason); // the board's keys work from now on
        m_interaction->press(static_cast<QMouseEvent*>(event));
        break;
    case QEvent::MouseMove:
        m_interaction->move(static_cast<QMouseEvent*>(event));
        return true;
    case QEvent::MouseButtonRelease:
        m_interaction->release(static_cast<QMouseEvent*>(event));
        return true;
    case QEvent::MouseButtonDblClick:
        m_interaction->doubleClick(static_cast<QMouseEvent*>(event));
        return true;
    case QEvent::Leave:
        m_interaction->leave();
        break;
    default:
        break;
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace attnscope
