// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/planner.h"

namespace attnscope {

namespace {

void planApproximations(const Session* before, const Session& after, bool all, std::vector<PlannedJob>& jobs)
{
    for (std::size_t i = 0; i < after.approximations.size(); ++i) {
        const bool same = !all && before && i < before->approximations.size() && before->approximations[i] == after.approximations[i];
        if (!same)
            jobs.push_back({Task::Approximation, i});
        else if (before->view.metric != after.view.metric)
            jobs.push_back({Task::ErrorMap, i});
    }
}

} // namespace

std::vector<PlannedJob> plan(const Session* before, const Session& after)
{
    std::vector<PlannedJob> jobs;
    const bool input = !before || !before->input.opensTheSame(after.input);
    const bool causal = input || before->causal != after.causal;
    const bool layer = input || before->layer != after.layer;
    const bool head = layer || causal || before->head != after.head || before->compute != after.compute;
    if (input)
        jobs.push_back({Task::OpenInput});
    if (layer)
        jobs.push_back({Task::LoadLayer});
    if (head)
        jobs.push_back({Task::Exact});
    planApproximations(before, after, head, jobs);
    if (causal)
        jobs.push_back({Task::Thumbnails});
    const bool fewer = before && before->approximations.size() > after.approximations.size();
    const bool view = before && (before->view != after.view || before->selected != after.selected);
    if (jobs.empty() && (fewer || view))
        jobs.push_back({Task::Repaint});
    return jobs;
}

} // namespace attnscope
