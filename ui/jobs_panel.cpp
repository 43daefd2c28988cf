// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/jobs_panel.h"

#include "core/session/time_estimate.h"

#include <QHeaderView>
#include <QToolButton>

namespace attnscope {

QString progressText(double progress, double elapsedSeconds)
{
    constexpr double kLeastProgress = 0.01; // less says nothing about the rest
    const QString percent = QStringLiteral("%1 %").arg(static_cast<int>(100.0 * progress));
    if (elapsedSeconds < kEstimateAfterSeconds || progress < kLeastProgress || progress >= 1.0)
        return percent;
    const std::string left = aboutTime(std::max(1.0, elapsedSeconds * (1.0 - progress) / progress));
    return QObject::tr("%1 · %2 left").arg(percent, QString::fromStdString(left));
}

JobsPanel::JobsPanel(JobQueue& jobs, QWidget* parent) : QTreeWidget(parent), m_jobs(jobs)
{
    setHeaderLabels({tr("Job"), tr("Progress"), QString()});
    setRootIsDecorated(false);
    header()->setStretchLastSection(false);
    header()->setSectionResizeMode(0, QHeaderView::Stretch);
    header()->setSectionResizeMode(1, QHeaderView::ResizeToContents);
    setSelectionMode(QAbstractItemView::NoSelection);
}

void JobsPanel::refresh()
{
    const auto jobs = m_jobs.jobs();
    const auto now = std::chrono::steady_clock::now();
    const auto before = std::exchange(m_started, {});
    clear();
    for (const auto& job : jobs) {
        QString progress = tr("waiting");
        if (job.running) {
            const auto known = before.find(job.id);
            const auto started = m_started.emplace(job.id, known != before.end() ? known->second : now).first->second;
            progress = progressText(job.progress, std::chrono::duration<double>(now - started).count());
        }
        auto* item = new QTreeWidgetItem(this, {QString::fromStdString(job.title), progress, QString()});
        auto* cancel = new QToolButton(this);
        cancel->setText(tr("Cancel"));
        connect(cancel, &QToolButton::clicked, this, [this, id = job.id] { m_jobs.cancel(id); });
        setItemWidget(item, 2, cancel);
    }
    if (jobs.empty())
        new QTreeWidgetItem(this, {tr("Nothing is being computed."), QString(), QString()});
}

} // namespace attnscope
