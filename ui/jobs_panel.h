// SPDX-License-Identifier: GPL-3.0-or-later
// What is being computed, how far it is, and a button to stop each.
#pragma once

#include "core/jobs/job_queue.h"

#include <QTreeWidget>

namespace attnscope {

class JobsPanel : public QTreeWidget {
    Q_OBJECT

public:
    explicit JobsPanel(JobQueue& jobs, QWidget* parent = nullptr);

    void refresh();

private:
    JobQueue& m_jobs;
};

} // namespace attnscope
