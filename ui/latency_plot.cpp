// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/latency_plot.h"

#include "ui/plot_theme.h"

#include <QEvent>
#include <QVBoxLayout>
#include <qcustomplot.h>

#include <cmath>
#include <map>

namespace attnscope {

namespace {

constexpr int kMuch = 10000; // pixels; more than any screen

QCPScatterStyle::ScatterShape curveShape(std::size_t i)
{
    constexpr QCPScatterStyle::ScatterShape shapes[] = {QCPScatterStyle::ssDisc, QCPScatterStyle::ssSquare, QCPScatterStyle::ssDiamond,
                                                        QCPScatterStyle::ssTriangle, QCPScatterStyle::ssTriangleInverted};
    return shapes[i % std::size(shapes)];
}

std::map<std::size_t, std::vector<SweepSample>> byMethod(const std::vector<SweepSample>& samples)
{
    std::map<std::size_t, std::vector<SweepSample>> curves;
    for (const auto& sample : samples)
        curves[sample.index].push_back(sample);
    return curves;
}

/// The index of the first curve of the same method: on another device it has the same colour.
std::size_t colorOf(const std::vector<SweepSample>& samples, const std::string& method, std::size_t index)
{
    for (const auto& sample : samples)
        if (sample.method == method)
            index = std::min(index, sample.index);
    return index;
}

/// "softmax", "softmax cuda:0", "softmax cuda:0 f16".
QString curveName(const SweepSample& sample)
{
    std::string name = sample.method;
    if (sample.backend != cpuBackend().id())
        name += " " + sample.backend + (sample.dtype == toString(Dtype::F32) ? "" : " " + sample.dtype);
    return QString::fromStdString(name);
}

void makeLogarithmic(QCPAxis& axis)
{
    axis.setScaleType(QCPAxis::stLogarithmic);
    axis.setTicker(QSharedPointer<QCPAxisTickerLog>::create());
    axis.setNumberFormat(QStringLiteral("eb"));
    axis.setNumberPrecision(0);
}

/// Lengths as people know them: 64, 128, 1k, 64k.
QString lengthText(double n)
{
    const auto whole = static_cast<qint64>(std::llround(n));
    return whole >= 1024 && whole % 1024 == 0 ? QStringLiteral("%1k").arg(whole / 1024) : QString::number(whole);
}

QString interval(double value, double low, double high, int decimals)
{
    return QStringLiteral("%1 [%2, %3]").arg(value, 0, 'f', decimals).arg(low, 0, 'f', decimals).arg(high, 0, 'f', decimals);
}

} // namespace

LatencyPlot::LatencyPlot(QWidget* parent) : QWidget(parent), m_plot(new QCustomPlot(this))
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_plot);
    m_plot->setMinimumSize(200, 110);
    makeLogarithmic(*m_plot->xAxis);
    makeLogarithmic(*m_plot->yAxis);
    m_plot->xAxis->setLabel(tr("sequence length n"));
    m_plot->yAxis->setLabel(tr("latency (ms)"));
    m_plot->xAxis->setRange(50, 10000);
    m_plot->yAxis->setRange(0.01, 1000);
    m_plot->axisRect()->setupFullAxesBox();
    m_plot->xAxis2->setTicks(false);
    m_plot->yAxis2->setTicks(false);
    // Beside the axes: inside them it would hide curves of a low window.
    m_plot->legend->setVisible(true);
    m_plot->plotLayout()->addElement(0, 1, m_plot->legend);
    m_plot->legend->setMaximumSize(kMuch, kMuch); // an empty one would hold the axes down to its own height
    m_plot->plotLayout()->setColumnStretchFactor(1, 0.001);
    m_plot->legend->setFillOrder(QCPLegend::foRowsFirst);
    m_plot->setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    applyTheme();
}

void LatencyPlot::applyTheme()
{
    const PlotTheme theme = plotTheme(palette());
    m_colors = seriesColors(theme);
    applyPlotTheme(m_plot, theme);
}

void LatencyPlot::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) {
        applyTheme();
        m_plot->replot(QCustomPlot::rpQueuedReplot);
    }
}

void LatencyPlot::setSamples(const std::vector<SweepSample>& samples, double timeCapSeconds)
{
    m_capMs = timeCapSeconds * 1000.0;
    m_plot->clearPlottables();
    for (const auto& [index, curve] : byMethod(samples)) {
        const std::size_t color = colorOf(samples, curve.front().method, index);
        addCurve(curveName(curve.front()), curve, color, color == index ? Qt::SolidLine : Qt::DashLine);
        addOpenMarkers(curve, color);
    }
    addFits(samples);
    auto ticker = QSharedPointer<QCPAxisTickerText>::create();
    for (const auto& sample : samples)
        ticker->addTick(static_cast<double>(sample.n), lengthText(static_cast<double>(sample.n)));
    if (!samples.empty())
        m_plot->xAxis->setTicker(ticker);
    rescale();
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

void LatencyPlot::addCurve(const QString& name, const std::vector<SweepSample>& samples, std::size_t color, Qt::PenStyle style)
{
    auto* graph = m_plot->addGraph();
    graph->setName(name);
    graph->setPen(QPen(m_colors[static_cast<qsizetype>(color) % m_colors.size()], 1.6, style));
    graph->setScatterStyle(QCPScatterStyle(curveShape(color), m_colors[static_cast<qsizetype>(color) % m_colors.size()],
                                           m_colors[static_cast<qsizetype>(color) % m_colors.size()], 6));
    auto* bars = new QCPErrorBars(m_plot->xAxis, m_plot->yAxis);
    bars->removeFromLegend();
    bars->setDataPlottable(graph);
    bars->setPen(QPen(m_colors[static_cast<qsizetype>(color) % m_colors.size()], 1.0));
    bars->setWhiskerWidth(5);
    for (const auto& sample : samples)
        if (sample.status == SweepStatus::Ok && sample.medianMs) {
            graph->addData(static_cast<double>(sample.n), *sample.medianMs);
            bars->addData(*sample.medianMs - sample.q1Ms.value_or(*sample.medianMs),
                          sample.q3Ms.value_or(*sample.medianMs) - *sample.medianMs);
        }
}

void LatencyPlot::addOpenMarkers(const std::vector<SweepSample>& samples, std::size_t color)
{
    auto* graph = m_plot->addGraph();
    graph->removeFromLegend();
    graph->setLineStyle(QCPGraph::lsNone);
    graph->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssCircle, m_colors[static_cast<qsizetype>(color) % m_colors.size()], 9));
    for (const auto& sample : samples)
        if (sample.status == SweepStatus::Capped || sample.status == SweepStatus::Oom)
            graph->addData(static_cast<double>(sample.n), m_capMs);
}

void LatencyPlot::addFits(const std::vector<SweepSample>& samples)
{
    for (const auto& fitted : fitsOf(samples)) {
        const std::size_t color = colorOf(samples, fitted.method, fitted.index);
        auto* line = m_plot->addGraph();
        line->removeFromLegend();
        line->setPen(QPen(m_colors[static_cast<qsizetype>(color) % m_colors.size()], 1.0, Qt::DotLine));
        for (const double n : {fitted.fit.from, fitted.fit.to})
            line->addData(n, fitted.fit.factor * std::pow(n, fitted.fit.exponent));
    }
}

void LatencyPlot::rescale()
{
    m_plot->rescaleAxes();
    for (auto* axis : {m_plot->xAxis, m_plot->yAxis}) {
        const QCPRange range = axis->range();
        if (range.lower > 0.0 && range.upper > range.lower)
            axis->setRange(range.lower / 1.5, range.upper * 1.5);
        else
            axis->setRange(axis == m_plot->xAxis ? QCPRange(50, 10000) : QCPRange(0.01, 1000));
    }
}

QString sweepReport(const std::vector<SweepSample>& samples)
{
    const bool severalDevices =
        std::any_of(samples.begin(), samples.end(), [&](const auto& sample) { return sample.backend != samples.front().backend; });
    const auto nameOf = [severalDevices](const std::string& method, const std::string& backend) {
        return QString::fromStdString(severalDevices ? method + " " + backend : method);
    };
    QStringList lines;
    for (const auto& fitted : fitsOf(samples))
        lines += QObject::tr("%1: time ∝ n^%2 (95 %), fitted over n = %3 to %4")
                     .arg(nameOf(fitted.method, fitted.backend), interval(fitted.fit.exponent, fitted.fit.low, fitted.fit.high, 2),
                          lengthText(fitted.fit.from), lengthText(fitted.fit.to));
    for (const auto& crossing : crossoversOf(samples)) {
        const bool sameDevice = crossing.aBackend == crossing.bBackend;
        if (sameDevice ? crossing.a != "softmax" && crossing.b != "softmax" : crossing.a != crossing.b)
            continue;
        const QString pair =
            QObject::tr("%1 and %2 cross").arg(nameOf(crossing.a, crossing.aBackend), nameOf(crossing.b, crossing.bBackend));
        lines += crossing.at ? QObject::tr("%1 at n = %2").arg(pair, interval(crossing.at->n, crossing.at->low, crossing.at->high, 0))
                             : QObject::tr("%1: none in range").arg(pair);
    }
    return lines.join(QLatin1Char('\n'));
}

} // namespace attnscope
