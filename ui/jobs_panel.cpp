// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/jobs_panel.h"

#include <QHeaderView>
#include <QToolButton>

namespace attnscope {

JobsPanel::JobsPanel(JobQueue& jobs, QWidget* parent) : QTreeWidget(parent), m_jobs(jobs)
{
    setHeaderLabels({tr("Job"), tr("Progress"), QString()});
    setRootIsDecorated(false);
    header()->setStretchLastSection(false);
    header()->setSectionResizeMode(0, QHeaderView::Stretch);
    setSelectionMode(QAbstractItemView::NoSelection);
}

void JobsPanel::refresh()
{
    const auto jobs = m_jobs.jobs();
    clear();
    for (const auto& job : jobs) {
        const QString progress = job.running ? QStringLiteral("%1 %").arg(static_cast<int>(100.0 * job.progress)) : tr("waiting");
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
