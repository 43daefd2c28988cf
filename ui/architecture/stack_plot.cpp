// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_plot.h"

#include "ui/architecture/stack_colors.h"
#include "ui/architecture/stack_text.h"
#include "ui/pane_layout.h"
#include "ui/plot_theme.h"

#include <QEvent>
#include <QToolTip>
#include <QVBoxLayout>
#include <qcustomplot.h>

#include <cmath>

namespace attnscope {

namespace {

constexpr int kStripHeight = 22;
constexpr int kStripGap = 4;
constexpr int kRightMargin = 18; // half of the last tick label
constexpr int kLegendItem = 190; // pixels, about
constexpr double kRoom = 1.4;    // factor above and below the curves
constexpr int kMostTicks = 6;
constexpr double kThick = 2.0; // of a curve
constexpr double kThin = 1.1;

QSharedPointer<QCPAxisTickerText> tickerOf(const std::vector<std::pair<double, QString>>& ticks)
{
    auto ticker = QSharedPointer<QCPAxisTickerText>::create();
    for (const auto& [at, text] : ticks)
        ticker->addTick(at, text);
    return ticker;
}

void prepare(QCPAxisRect& rect, QCPMarginGroup* margins)
{
    rect.setupFullAxesBox();
    rect.setMarginGroup(QCP::msLeft | QCP::msRight, margins);
    for (auto* axis : {rect.axis(QCPAxis::atTop), rect.axis(QCPAxis::atRight)}) {
        axis->setTicks(false);
        axis->setTickLabels(false);
    }
    rect.axis(QCPAxis::atBottom)->setScaleType(QCPAxis::stLogarithmic);
    for (auto* axis : rect.axes())
        axis->setLayer(QStringLiteral("axes"));
}

void addText(QCustomPlot& plot, QCPAxisRect& rect, const QPointF& at, bool inside, const QString& text, const PlotTheme& theme,
             Qt::Alignment alignment)
{
    auto* item = new QCPItemText(&plot);
    item->position->setAxisRect(&rect);
    item->position->setAxes(rect.axis(QCPAxis::atBottom), rect.axis(QCPAxis::atLeft));
    item->position->setType(inside ? QCPItemPosition::ptAxisRectRatio : QCPItemPosition::ptPlotCoords);
    item->position->setCoords(at);
    item->setClipAxisRect(&rect);
    item->setClipToAxisRect(true);
    item->setPositionAlignment(alignment);
    item->setText(text);
    item->setFont(smallFont());
    item->setColor(theme.foreground);
    QColor back = theme.background;
    back.setAlphaF(0.72F);
    item->setBrush(back);
    item->setPadding(QMargins(3, 0, 3, 0));
}

/// "12 ms (9.6 ms to 14.4 ms)"; of memory, which is no prediction, the bytes.
QString predictedText(const StackPoint& point, StackQuantity quantity)
{
    const QString value = valueText(valueOf(point, quantity), quantity);
    const auto [low, high] = intervalOf(point, quantity);
    return low < high ? QObject::tr("%1 [%2 to %3]").arg(value, valueText(low, quantity), valueText(high, quantity)) : value;
}

Qt::PenStyle styleOf(const StackLine& line)
{
    if (!line.fits)
        return Qt::DotLine;
    return line.extrapolated ? Qt::DashLine : Qt::SolidLine;
}

} // namespace

StackPlot::StackPlot(QWidget* parent) : QWidget(parent), m_plot(new QCustomPlot(this)), m_grid(new QCPLayoutGrid)
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_plot);
    m_plot->setMinimumSize(240, 180);
    m_plot->setAutoAddPlottableToLegend(false);
    m_plot->plotLayout()->clear();
    m_plot->plotLayout()->simplify();
    m_plot->legend = new QCPLegend;
    m_plot->plotLayout()->addElement(0, 0, m_plot->legend);
    m_plot->plotLayout()->addElement(1, 0, m_grid);
    m_plot->plotLayout()->setRowStretchFactor(0, 0.001);
    m_plot->legend->setLayer(QStringLiteral("legend"));
    m_plot->legend->setFillOrder(QCPLegend::foColumnsFirst);
    m_plot->legend->setBorderPen(Qt::NoPen);
    connect(m_plot, &QCustomPlot::mouseMove, this, [this](QMouseEvent* event) {
        if (const QString text = describe(event->pos()); !text.isEmpty())
            QToolTip::showText(event->globalPosition().toPoint(), text, m_plot);
        else
            QToolTip::hideText();
    });
    rebuild();
}

void StackPlot::setAnswer(const StackAnswer& answer)
{
    m_answer = answer;
    rebuild();
}

void StackPlot::setQuantities(const std::vector<StackQuantity>& quantities)
{
    m_quantities = quantities;
    rebuild();
}

void StackPlot::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        rebuild();
}

void StackPlot::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    wrapLegend();
}

void StackPlot::wrapLegend()
{
    const int wrap = std::max(2, width() / kLegendItem);
    if (wrap != m_plot->legend->wrap()) {
        m_plot->legend->setWrap(wrap);
        m_plot->legend->setFillOrder(QCPLegend::foColumnsFirst, true);
        m_plot->replot(QCustomPlot::rpQueuedReplot);
    }
}

void StackPlot::clear()
{
    m_plot->legend->clearItems();
    m_plot->clearItems();
    m_plot->clearPlottables();
    m_grid->clear();
    m_grid->simplify();
    qDeleteAll(m_margins);
    m_margins.clear();
    m_columns.clear();
    m_named.clear();
}

void StackPlot::rebuild()
{
    clear();
    if (!m_answer.curves.empty() && !m_answer.lengths.empty())
        for (const auto quantity : m_quantities) {
            const bool first = m_columns.empty();
            Column column = addColumn(quantity, static_cast<int>(m_columns.size()));
            setRanges(column);
            addLines(column, first);
            if (quantity == StackQuantity::Memory)
                addCardMemory(column);
            for (std::size_t i = 0; i < column.strips.size(); ++i)
                addStrip(column, i, first && i == 0);
            addCrossings(column);
            addMarks(column);
            m_columns.push_back(std::move(column));
        }
    m_plot->legend->setVisible(!m_columns.empty());
    applyPlotTheme(m_plot, palette());
    m_plot->legend->setBorderPen(Qt::NoPen);
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

StackPlot::Column StackPlot::addColumn(StackQuantity quantity, int at)
{
    auto* margins = new QCPMarginGroup(m_plot);
    m_margins.push_back(margins);
    auto* title = new QCPTextElement(m_plot, quantityTitle(quantity));
    title->setTextFlags(Qt::AlignLeft | Qt::AlignVCenter);
    m_grid->addElement(0, at, title);
    Column column{quantity, new QCPAxisRect(m_plot), {}};
    prepare(*column.main, margins);
    m_grid->addElement(1, at, column.main);
    m_grid->setRowStretchFactor(0, 0.001);
    m_grid->setRowSpacing(kStripGap);
    column.main->setMinimumMargins(QMargins(0, 0, kRightMargin, 0));
    for (std::size_t i = 0; i < m_answer.curves.size(); ++i) {
        auto* strip = new QCPAxisRect(m_plot);
        prepare(*strip, margins);
        m_grid->addElement(2 + static_cast<int>(i), at, strip);
        const bool last = i + 1 == m_answer.curves.size();
        strip->setSizeConstraintRect(QCPLayoutElement::scrInnerRect);
        strip->setMinimumSize(40, kStripHeight);
        strip->setMaximumSize(QWIDGETSIZE_MAX, kStripHeight);
        strip->setAutoMargins(last ? QCP::msLeft | QCP::msRight | QCP::msBottom : QCP::msLeft | QCP::msRight);
        strip->setMargins(QMargins());
        strip->setMinimumMargins(QMargins());
        strip->axis(QCPAxis::atBottom)->setTickLabels(last);
        if (last)
            strip->axis(QCPAxis::atBottom)->setLabel(lengthTitle(m_answer.choice.question));
        column.strips.push_back(strip);
    }
    column.main->axis(QCPAxis::atBottom)->setTickLabels(false);
    return column;
}

QString StackPlot::shortName(std::size_t architecture) const
{
    constexpr int kMostPixels = 140;
    return QFontMetrics(smallFont())
        .elidedText(QString::fromStdString(m_answer.architectures[architecture].name), Qt::ElideRight, kMostPixels);
}

QCPGraph* StackPlot::graphOn(QCPAxisRect& rect, const QString& legend)
{
    auto* graph = m_plot->addGraph(rect.axis(QCPAxis::atBottom), rect.axis(QCPAxis::atLeft));
    graph->setName(legend);
    if (!legend.isEmpty() && !m_named.contains(legend)) {
        m_named.insert(legend);
        graph->addToLegend();
    }
    return graph;
}

void StackPlot::setRanges(const Column& column)
{
    double low = INFINITY;
    double high = 0.0;
    for (const auto& line : stackLines(m_answer, column.quantity))
        for (const double value : line.value) {
            low = std::min(low, value);
            high = std::max(high, value);
        }
    for (const auto& mark : marksOf(column.quantity)) {
        low = std::min(low, mark.published.ms);
        high = std::max(high, mark.published.ms);
    }
    if (column.quantity == StackQuantity::Memory)
        high = std::max(high, m_answer.card.memoryBytes);
    const auto first = static_cast<double>(m_answer.lengths.front());
    const auto last = static_cast<double>(m_answer.lengths.back());
    auto rects = column.strips;
    rects.push_back(column.main);
    for (auto* rect : rects) {
        rect->axis(QCPAxis::atBottom)->setRange(first, std::max(last, 2.0 * first));
        rect->axis(QCPAxis::atBottom)->setTicker(tickerOf(lengthTicks(first, last, kMostTicks)));
    }
    auto* value = column.main->axis(QCPAxis::atLeft);
    value->setScaleType(QCPAxis::stLogarithmic);
    value->setRange(low / kRoom, high * kRoom);
    value->setTicker(tickerOf(valueTicks(low / kRoom, high * kRoom, column.quantity, kMostTicks)));
}

void StackPlot::addLines(const Column& column, bool inLegend)
{
    const PlotTheme theme = plotTheme(palette());
    for (std::size_t i = 0; inLegend && i < m_answer.architectures.size(); ++i)
        graphOn(*column.main, shortName(i))->setPen(QPen(architectureColor(i, theme), kThick));
    bool misfits = false;
    const auto lines = stackLines(m_answer, column.quantity);
    for (const auto& line : lines) {
        const QColor color = architectureColor(line.architecture, theme);
        if (column.quantity != StackQuantity::Memory && line.fits)
            addBand(column, line);
        auto* graph = graphOn(*column.main);
        graph->setPen(QPen(color, line.reuse || !line.fits ? kThin : kThick, styleOf(line)));
        graph->setData(line.n, line.value, true);
        if (line.fits)
            continue;
        auto* cross = graphOn(*column.main, misfits ? QString() : tr("does not fit from here on"));
        misfits = true;
        cross->setLineStyle(QCPGraph::lsNone);
        cross->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssCross, color, 9));
        const bool allAlong = line.n.front() <= static_cast<double>(m_answer.lengths.front());
        const auto first = allAlong || line.n.size() < 2 ? 0 : 1; // the point before it belongs to the part that fits
        cross->addData(line.n[first], line.value[first]);
    }
    if (inLegend && std::any_of(lines.begin(), lines.end(), [](const auto& line) { return line.reuse; }))
        graphOn(*column.main, tr("thin: with prefix reuse"))->setPen(QPen(theme.foreground, kThin));
    const bool guessed = std::any_of(lines.begin(), lines.end(), [](const auto& line) { return line.extrapolated; });
    if (guessed)
        graphOn(*column.main, tr("extrapolated"))->setPen(QPen(theme.foreground, kThick, Qt::DashLine));
}

/// What the prediction is sure of, faintly behind its curve.
void StackPlot::addBand(const Column& column, const StackLine& line)
{
    constexpr float kFaint = 0.13F;
    QColor color = architectureColor(line.architecture, plotTheme(palette()));
    color.setAlphaF(kFaint);
    auto* low = graphOn(*column.main);
    auto* high = graphOn(*column.main);
    for (auto* edge : {low, high})
        edge->setPen(Qt::NoPen);
    low->setData(line.n, line.low, true);
    high->setData(line.n, line.high, true);
    high->setBrush(color);
    high->setChannelFillGraph(low);
}

void StackPlot::addCardMemory(const Column& column)
{
    const PlotTheme theme = plotTheme(palette());
    auto* line = graphOn(*column.main);
    line->setPen(QPen(theme.warning, 1.2, Qt::DashDotLine));
    line->setData({static_cast<double>(m_answer.lengths.front()), static_cast<double>(m_answer.lengths.back())},
                  {m_answer.card.memoryBytes, m_answer.card.memoryBytes}, true);
    addText(*m_plot, *column.main, {static_cast<double>(m_answer.lengths.front()), m_answer.card.memoryBytes}, false,
            tr("memory of the card: %1 GB").arg(m_answer.card.memoryBytes / 1e9, 0, 'f', 0), theme, Qt::AlignLeft | Qt::AlignTop);
}

void StackPlot::addCrossings(const Column& column)
{
    const auto crossings = stackCrossings(m_answer, column.quantity);
    if (crossings.empty())
        return;
    const PlotTheme theme = plotTheme(palette());
    auto* marks = graphOn(*column.main, tr("they cross: interval"));
    marks->setLineStyle(QCPGraph::lsNone);
    marks->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDiamond, theme.accent, theme.background, 9));
    auto* bars = new QCPErrorBars(marks->keyAxis(), marks->valueAxis());
    bars->removeFromLegend();
    bars->setErrorType(QCPErrorBars::etKeyError);
    bars->setDataPlottable(marks);
    bars->setPen(QPen(theme.accent, 1.2));
    bars->setWhiskerWidth(6);
    for (const auto& crossing : crossings) {
        marks->addData(crossing.n, crossing.value);
        bars->addData(crossing.n - crossing.low, crossing.high - crossing.n);
        addText(*m_plot, *column.main, {crossing.n, crossing.value}, false, tokensText(crossing.n) + QLatin1Char(' '), theme,
                Qt::AlignRight | Qt::AlignBottom);
    }
}

const std::vector<StackMark>& StackPlot::marksOf(StackQuantity quantity) const
{
    static const std::vector<StackMark> none;
    return quantity == StackQuantity::Prefill ? m_answer.prefillMarks : quantity == StackQuantity::Decode ? m_answer.decodeMarks : none;
}

void StackPlot::addMarks(const Column& column)
{
    const PlotTheme theme = plotTheme(palette());
    for (const auto& mark : marksOf(column.quantity)) {
        auto* star = graphOn(*column.main, tr("published"));
        star->setLineStyle(QCPGraph::lsNone);
        star->setScatterStyle(
            QCPScatterStyle(QCPScatterStyle::ssStar, QPen(architectureColor(mark.architecture, theme), 1.6), Qt::NoBrush, 10));
        star->addData(mark.published.n, mark.published.ms);
    }
}

QString StackPlot::describeMark(const Column& column, const QPoint& pos) const
{
    constexpr double kNear = 9.0;
    for (const auto& mark : marksOf(column.quantity)) {
        const QPointF at(column.main->axis(QCPAxis::atBottom)->coordToPixel(mark.published.n),
                         column.main->axis(QCPAxis::atLeft)->coordToPixel(mark.published.ms));
        if (QLineF(at, pos).length() <= kNear)
            return tr("Published: %1, %2 at n = %3\n%4\nWhat differs besides the mixer: %5")
                .arg(QString::fromStdString(mark.published.series), timeText(mark.published.ms), groupedText(mark.published.n),
                     QString::fromStdString(mark.published.note), QString::fromStdString(mark.published.differs));
    }
    return {};
}

void StackPlot::addStrip(const Column& column, std::size_t architecture, bool inLegend)
{
    const PlotTheme theme = plotTheme(palette());
    const TermColors colors = termColors(theme);
    const StackShares shares = stackShares(m_answer, architecture, column.quantity);
    QCPAxisRect& rect = *column.strips[architecture];
    rect.axis(QCPAxis::atLeft)->setRange(0.0, 1.0);
    rect.axis(QCPAxis::atLeft)->setTicker(tickerOf({{0.0, {}}, {1.0, QStringLiteral("100 %")}}));
    QCPGraph* below = nullptr;
    const auto add = [&](const QVector<double>& top, const QColor& color, const QString& name) {
        auto* graph = graphOn(rect, inLegend ? name : QString());
        graph->setPen(Qt::NoPen);
        graph->setBrush(color);
        graph->setData(shares.n, top, true);
        if (below)
            graph->setChannelFillGraph(below);
        below = graph;
    };
    add(shares.weights, colors.weights, tr("weights"));
    add(shares.attention, colors.attention, tr("attention, KV cache"));
    add(shares.state, colors.state, tr("recurrence, state"));
    addText(*m_plot, rect, {0.0, 0.5}, true, shortName(architecture), theme, Qt::AlignLeft | Qt::AlignVCenter);
}

QString StackPlot::describe(const QPoint& pos) const
{
    for (const auto& column : m_columns) {
        auto rects = column.strips;
        rects.push_back(column.main);
        for (const auto* rect : rects) {
            if (!rect->rect().contains(pos))
                continue;
            if (QString mark = describeMark(column, pos); !mark.isEmpty())
                return mark;
            const double n = rect->axis(QCPAxis::atBottom)->pixelToCoord(pos.x());
            std::size_t at = 0;
            while (at + 1 < m_answer.lengths.size() && static_cast<double>(m_answer.lengths[at + 1]) <= n)
                ++at;
            QStringList lines{tr("%1, n = %2").arg(quantityTitle(column.quantity), groupedText(static_cast<double>(m_answer.lengths[at])))};
            for (std::size_t i = 0; i < m_answer.curves.size(); ++i)
                lines +=
                    tr("%1: %2 (%3)")
                        .arg(QString::fromStdString(m_answer.architectures[i].name), predictedText(m_answer.curves[i][at], column.quantity),
                             QString::fromStdString(m_answer.curves[i][at].label));
            return lines.join(QLatin1Char('\n'));
        }
    }
    return {};
}

} // namespace attnscope
