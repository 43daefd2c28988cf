// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theory_panel.h"

#include "ui/plot_theme.h"
#include "ui/theory_figure.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QScrollArea>
#include <qcustomplot.h>

namespace attnscope {

namespace {

QVector<double> values(const std::vector<double>& list) { return {list.begin(), list.end()}; }

QString kindText(const TheoryCurve& curve)
{
    const auto kind = toString(curve.kind);
    return QString::fromUtf8(kind.data(), static_cast<qsizetype>(kind.size()));
}

void applyAxis(QCPAxis& axis, const TheoryAxis& wanted)
{
    const bool log = wanted.logarithmic;
    axis.setScaleType(log ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
    axis.setNumberFormat(log ? QStringLiteral("eb") : QStringLiteral("gb"));
    axis.setNumberPrecision(log ? 0 : 4);
    axis.setTicker(log ? QSharedPointer<QCPAxisTicker>(new QCPAxisTickerLog) : QSharedPointer<QCPAxisTicker>(new QCPAxisTicker));
    axis.setRange(wanted.low, wanted.high);
}

} // namespace

TheoryPanel::TheoryPanel(QWidget* parent)
    : QWidget(parent),
      m_list(new QListWidget(this)),
      m_text(new QLabel(this)),
      m_plot(new QCustomPlot(this)),
      m_quantity(new QCPTextElement(m_plot))
{
    constexpr int kTextWidth = 420;
    constexpr int kListHeight = 72;
    m_list->setMaximumHeight(kListHeight);
    m_list->setAccessibleName(tr("Statements"));
    m_text->setWordWrap(true);
    m_text->setTextFormat(Qt::PlainText);
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_plot->setMinimumSize(240, 80);
    m_quantity->setTextFlags(Qt::AlignLeft | Qt::AlignVCenter);
    m_text->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    m_plot->plotLayout()->insertRow(0);
    m_plot->plotLayout()->setRowStretchFactor(0, 0.001);
    m_plot->plotLayout()->setRowSpacing(0);
    m_plot->plotLayout()->addElement(0, 0, m_quantity); // above: beside the axis a low window would cut it off
    m_plot->axisRect()->setupFullAxesBox();
    m_plot->xAxis2->setTicks(false);
    m_plot->yAxis2->setTicks(false);
    m_plot->legend->setVisible(true);
    m_plot->plotLayout()->addElement(1, 1, m_plot->legend); // beside the axes: inside them it would hide curves of a low window
    m_plot->plotLayout()->setColumnStretchFactor(1, 0.001);
    m_plot->legend->setFillOrder(QCPLegend::foRowsFirst);
    m_plot->setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    auto* scroll = new QScrollArea(this);
    scroll->setWidget(m_text);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    auto* left = new QWidget(this);
    left->setMaximumWidth(kTextWidth);
    auto* statements = new QVBoxLayout(left);
    statements->setContentsMargins(0, 0, 0, 0);
    statements->addWidget(m_list);
    statements->addWidget(scroll, 1);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(6, 4, 6, 4);
    layout->addWidget(left, 2);
    layout->addWidget(m_plot, 3);
    layout->addStretch(0);
    applyTheme();
    connect(m_list, &QListWidget::currentRowChanged, this, &TheoryPanel::showChosen);
    setMessage({});
}

void TheoryPanel::setCurves(const QString& method, std::vector<TheoryCurve> curves)
{
    if (curves.empty())
        return setMessage(tr("No theorem or closed form is known here for %1.").arg(method));
    m_list->clear(); // while m_curves still fits it
    m_curves = std::move(curves);
    int first = -1;
    for (std::size_t i = 0; i < m_curves.size(); ++i) {
        m_list->addItem(QString::fromStdString(m_curves[i].title));
        if (first < 0 && !m_curves[i].x.empty())
            first = static_cast<int>(i);
    }
    m_list->show();
    m_list->setCurrentRow(std::max(0, first));
    showChosen();
}

void TheoryPanel::setMessage(const QString& text)
{
    m_list->clear();
    m_curves.clear();
    m_list->hide();
    m_plot->hide();
    m_text->setText(text);
}

const TheoryCurve* TheoryPanel::chosen() const
{
    const auto row = static_cast<std::size_t>(m_list->currentRow());
    return m_list->currentRow() >= 0 && row < m_curves.size() ? &m_curves[row] : nullptr;
}

bool TheoryPanel::hasPlot() const
{
    const auto* curve = chosen();
    return curve && !curve->x.empty();
}

QString TheoryPanel::text() const { return m_text->text(); }

void TheoryPanel::showChosen()
{
    const auto* curve = chosen();
    m_plot->clearPlottables();
    m_plot->setVisible(hasPlot());
    if (!curve)
        return;
    QString head = QString::fromStdString(curve->title) + QStringLiteral(" (") + kindText(*curve);
    if (!curve->source.empty())
        head += QStringLiteral("; ") + QString::fromStdString(curve->source);
    m_text->setText(head + QStringLiteral(")\n") + QString::fromStdString(curve->caption));
    if (!hasPlot())
        return;
    const TheoryFigure figure = theoryFigure(m_curves, *curve);
    for (const TheorySeries& series : figure.series)
        addSeries(series);
    m_quantityName = figure.y.label;
    showQuantity();
    m_plot->xAxis->setLabel(figure.x.label);
    applyAxis(*m_plot->xAxis, figure.x);
    applyAxis(*m_plot->yAxis, figure.y);
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

// As much of it as stands beside the legend, which would be cut off otherwise.
void TheoryPanel::showQuantity()
{
    constexpr int kMargins = 30;
    const int room = m_plot->width() - m_plot->legend->minimumOuterSizeHint().width() - kMargins;
    m_quantity->setText(QFontMetrics(m_quantity->font()).elidedText(m_quantityName, Qt::ElideRight, std::max(0, room)));
}

Figure TheoryPanel::figure(const QSize& size)
{
    return {size, [this, size](QCPPainter& painter, const QRect& target) {
                m_quantity->setText(m_quantityName);
                figureOf(m_plot, size).draw(painter, target);
                showQuantity();
            }};
}

void TheoryPanel::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    layout()->activate(); // the plot has its new width only then
    showQuantity();
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

void TheoryPanel::addSeries(const TheorySeries& series)
{
    constexpr std::size_t kManyPoints = 60;
    const auto colors = seriesColors(plotTheme(palette()));
    const QColor color = colors[series.color % colors.size()];
    auto* graph = m_plot->addGraph();
    graph->setName(series.name);
    graph->setData(values(series.x), values(series.y));
    if (series.style == Qt::NoPen) {
        graph->setLineStyle(QCPGraph::lsNone);
        graph->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, color, color, series.x.size() > kManyPoints ? 3 : 6));
        return;
    }
    graph->setPen(QPen(color, 1.8, series.style));
    if (series.x.size() == 1) // a line of one point can't be seen
        graph->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssCross, color, 9));
}

void TheoryPanel::applyTheme() { applyPlotTheme(m_plot, palette()); }

void TheoryPanel::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) {
        applyTheme();
        showChosen();
    }
}

} // namespace attnscope
