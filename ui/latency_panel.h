// SPDX-License-Identifier: GPL-3.0-or-later
// The latency tab: what to measure, start and cancel, the live plot and what it says.
#pragma once

#include "core/bench/sweep.h"
#include "core/jobs/job_queue.h"
#include "core/session/session.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QListWidget;
class QPushButton;
class QSpinBox;

namespace attnscope {

class LatencyPlot;

class LatencyPanel : public QWidget {
    Q_OBJECT

public:
    LatencyPanel(JobQueue& jobs, std::vector<const Backend*> backends, QWidget* parent = nullptr);

    void setChoice(const SweepChoice& choice);
    SweepChoice choice() const;

    /// The device to begin with, and the number format of those that have it.
    void setCompute(const ComputeChoice& compute);

    const std::vector<SweepSample>& samples() const { return m_samples; }
    LatencyPlot& plot() { return *m_plot; }
    QString header() const; ///< processor, threads, dtype, heads, width
    QString report() const; ///< fitted exponents and crossovers

    void start();

Q_SIGNALS:
    void finished();

private:
    QWidget* makeControls();
    QWidget* makeReport();
    void cancel();
    void addSample(const SweepSample& sample);
    void end(const Result<std::vector<SweepSample>>& samples);
    Result<SweepSpec> spec() const;
    std::vector<const Backend*> chosenBackends() const; ///< one, or all of them

    JobQueue& m_jobs;
    std::vector<const Backend*> m_backends;
    ComputeChoice m_compute;
    std::vector<SweepSample> m_samples;
    std::uint64_t m_job = 0;
    bool m_running = false;

    QListWidget* m_methods;
    QComboBox* m_backend;
    QComboBox* m_from;
    QComboBox* m_to;
    QSpinBox* m_dim;
    QSpinBox* m_heads;
    QCheckBox* m_causal;
    QDoubleSpinBox* m_cap;
    QPushButton* m_start;
    QLabel* m_header;
    QLabel* m_report;
    LatencyPlot* m_plot;
};

} // namespace attnscope
