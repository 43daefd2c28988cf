// SPDX-License-Identifier: GPL-3.0-or-later
// What is being computed, how far it is, a button to stop each, and what was done instead of what was asked.
#pragma once

#include "core/jobs/job_queue.h"
#include "ui/notices.h"

#include <QTimer>
#include <QTreeWidget>

#include <chrono>
#include <map>
#include <vector>

namespace attnscope {

/// "42 %", from kEstimateAfterSeconds on with what is left at the same pace: "42 % · about 20 s left".
QString progressText(double progress, double elapsedSeconds);

/// Before that an estimate would jump.
inline constexpr double kEstimateAfterSeconds = 2.0;

class JobsPanel : public QTreeWidget {
    Q_OBJECT

public:
    explicit JobsPanel(JobQueue& jobs, QWidget* parent = nullptr);

    void refresh();
    void setNotices(const std::vector<Notice>& notices);

private:
    void makeLines(const std::vector<JobStatus>& jobs);

    JobQueue& m_jobs;
    std::vector<Notice> m_notices;
    std::vector<std::uint64_t> m_ids;                                         // of the lines
    std::map<std::uint64_t, std::chrono::steady_clock::time_point> m_started; // when a job was first seen running
    QTimer m_clock;
};

} // namespace attnscope
