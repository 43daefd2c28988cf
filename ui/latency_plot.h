// SPDX-License-Identifier: GPL-3.0-or-later
// Latency against length, log-log: medians with quartile bars, fitted lines, open markers where a run was capped or didn't fit.
#pragma once

#include "core/bench/sweep.h"

#include <QColor>
#include <QVector>
#include <QWidget>

class QCustomPlot;

namespace attnscope {

class LatencyPlot : public QWidget {
    Q_OBJECT

public:
    explicit LatencyPlot(QWidget* parent = nullptr);

    void setSamples(const std::vector<SweepSample>& samples, double timeCapSeconds);
    void applyTheme();

    QCustomPlot& plot() { return *m_plot; }

protected:
    void changeEvent(QEvent* event) override;

private:
    void addCurve(const QString& name, const std::vector<SweepSample>& samples, std::size_t color, Qt::PenStyle style);
    void addOpenMarkers(const std::vector<SweepSample>& samples, std::size_t color);
    void addFits(const std::vector<SweepSample>& samples);
    void rescale();

    QCustomPlot* m_plot;
    QVector<QColor> m_colors;
    double m_capMs = 0.0;
};

/// "softmax ∝ n^2.01 [1.97, 2.05] over 512–8192" a line per curve, and the crossovers.
QString sweepReport(const std::vector<SweepSample>& samples);

} // namespace attnscope
