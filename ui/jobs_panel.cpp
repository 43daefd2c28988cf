// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/jobs_panel.h"

#include "core/session/time_estimate.h"

#include <QHeaderView>
#include <QToolButton>

#include <algorithm>

namespace attnscope {

QString progressText(double progress, double elapsedSeconds)
{
    constexpr double kLeastProgress = 0.01; // less says nothing about the rest
    QString percent = QStringLiteral("%1 %").arg(static_cast<int>(100.0 * progress));
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
    m_clock.setInterval(1000); // what is left changes without news from a job
    connect(&m_clock, &QTimer::timeout, this, &JobsPanel::refresh);
    setSelectionMode(QAbstractItemView::NoSelection);
}

// The same jobs keep their lines: a button that is being pressed must not go.
void JobsPanel::refresh()
{
    const auto jobs = m_jobs.jobs();
    std::vector<std::uint64_t> ids;
    for (const auto& job : jobs)
        ids.push_back(job.id);
    if (ids != m_ids || topLevelItemCount() == 0) {
        m_ids = ids;
        std::erase_if(m_started, [&](const auto& known) { return std::find(ids.begin(), ids.end(), known.first) == ids.end(); });
        makeLines(jobs);
    }
    const auto now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (!jobs[i].running)
            continue;
        const auto started = m_started.try_emplace(jobs[i].id, now).first->second;
        const QString text = progressText(jobs[i].progress, std::chrono::duration<double>(now - started).count());
        topLevelItem(static_cast<int>(i))->setText(1, text);
    }
    if (jobs.empty())
        m_clock.stop();
    else if (!m_clock.isActive())
        m_clock.start();
}

void JobsPanel::setNotices(const std::vector<Notice>& notices)
{
    m_notices = notices;
    m_ids.clear();
    clear();
    refresh();
}

void JobsPanel::makeLines(const std::vector<JobStatus>& jobs)
{
    clear();
    for (const auto& job : jobs) {
        auto* item = new QTreeWidgetItem(this, {QString::fromStdString(job.title), tr("waiting"), QString()});
        auto* cancel = new QToolButton(this);
        cancel->setText(tr("Cancel"));
        connect(cancel, &QToolButton::clicked, this, [this, id = job.id] { m_jobs.cancel(id); });
        setItemWidget(item, 2, cancel);
    }
    if (jobs.empty())
        new QTreeWidgetItem(this, {tr("Nothing is being computed."), QString(), QString()});
    for (const Notice& notice : m_notices) {
        const QString when = notice.last.toString(QStringLiteral("hh:mm:ss"));
        auto* item = new QTreeWidgetItem(
            this, {QStringLiteral("⚠ ") + notice.sentence, notice.times > 1 ? tr("%1 · %2 times").arg(when).arg(notice.times) : when, {}});
        item->setToolTip(0, notice.sentence);
    }
}

} // namespace attnscope
