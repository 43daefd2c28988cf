// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/jobs/job_queue.h"

#include "core/base/workers.h"

#include <oneapi/tbb/global_control.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

namespace attnscope {

namespace {

constexpr int kInteractiveWorkers = 2;
constexpr int kBackgroundWorkers = 1;

} // namespace

struct JobQueue::Job {
    std::uint64_t id = 0;
    std::string slot;
    std::string title;
    std::stop_source stop;
    std::atomic<double> progress{0.0};
    std::atomic<bool> running{false};
    std::function<void(const RunContext&)> work;
    std::function<void(bool)> done;
};

struct JobQueue::State : std::enable_shared_from_this<JobQueue::State> {
    State(Post post_, RunContext context_) : post(std::move(post_)), context(std::move(context_)) {}

    static void runCall(void* call);
    void run(const std::shared_ptr<Job>& job);
    void finish(const std::shared_ptr<Job>& job);
    void notify();

    Post post;
    RunContext context;
    // Workers beyond the machine's threads, so that a long background job leaves one free for the hand.
    tbb::global_control workers{tbb::global_control::max_allowed_parallelism,
                                static_cast<std::size_t>(RunContext{}.threadCount() + kInteractiveWorkers + kBackgroundWorkers + 1)};
    WorkerLane interactive{kInteractiveWorkers, WorkerLane::Priority::High};
    WorkerLane background{kBackgroundWorkers, WorkerLane::Priority::Low};

    mutable std::mutex mutex;
    std::condition_variable drained;
    std::map<std::uint64_t, std::shared_ptr<Job>> jobs; // from submit() to the end of finish()
    int inWorkers = 0;
    std::uint64_t nextId = 1;
    bool closed = false;
    bool notifying = false;
    std::function<void()> changed;
};

/// What a worker is given of a job; it deletes it.
struct JobQueue::Call {
    State* state;
    std::shared_ptr<Job> job;
};

void JobQueue::State::runCall(void* call)
{
    const std::unique_ptr<Call> own(static_cast<Call*>(call));
    own->state->run(own->job);
}

void JobQueue::State::run(const std::shared_ptr<Job>& job)
{
    job->running = true;
    notify();
    RunContext own = context;
    own.stop = job->stop.get_token();
    own.progress = [this, job](double fraction) {
        job->progress = fraction;
        notify();
    };
    job->work(own);
    finish(job);
}

void JobQueue::State::finish(const std::shared_ptr<Job>& job)
{
    post([self = shared_from_this(), job] {
        {
            const std::lock_guard lock(self->mutex);
            self->jobs.erase(job->id);
            if (self->closed)
                return;
        }
        job->done(job->stop.stop_requested());
        self->notify();
    });
    const std::lock_guard lock(mutex);
    job->running = false;
    if (--inWorkers == 0)
        drained.notify_all();
}

void JobQueue::State::notify()
{
    {
        const std::lock_guard lock(mutex);
        if (!changed || notifying || closed)
            return;
        notifying = true;
    }
    post([self = shared_from_this()] {
        std::function<void()> call;
        {
            const std::lock_guard lock(self->mutex);
            self->notifying = false;
            if (!self->closed)
                call = self->changed;
        }
        if (call)
            call();
    });
}

JobQueue::JobQueue(Post post, RunContext context) : m_state(std::make_shared<State>(std::move(post), std::move(context))) {}

JobQueue::~JobQueue()
{
    cancelAll();
    std::unique_lock lock(m_state->mutex);
    m_state->closed = true;
    m_state->drained.wait(lock, [this] { return m_state->inWorkers == 0; });
}

std::uint64_t JobQueue::submit(const std::string& slot, std::string title, Lane lane, std::function<void(const RunContext&)> work,
                               std::function<void(bool)> done)
{
    if (!slot.empty())
        cancelSlot(slot);
    auto job = std::make_shared<Job>();
    job->slot = slot;
    job->title = std::move(title);
    job->work = std::move(work);
    job->done = std::move(done);
    {
        const std::lock_guard lock(m_state->mutex);
        job->id = m_state->nextId++;
        m_state->jobs.emplace(job->id, job);
        ++m_state->inWorkers;
    }
    auto& workers = lane == Lane::Interactive ? m_state->interactive : m_state->background;
    workers.enqueue(&State::runCall, new Call{m_state.get(), job});
    m_state->notify();
    return job->id;
}

void JobQueue::cancel(std::uint64_t id)
{
    const std::lock_guard lock(m_state->mutex);
    if (const auto it = m_state->jobs.find(id); it != m_state->jobs.end())
        it->second->stop.request_stop();
}

void JobQueue::cancelSlot(const std::string& slot)
{
    const std::lock_guard lock(m_state->mutex);
    for (auto& [id, job] : m_state->jobs)
        if (job->slot == slot)
            job->stop.request_stop();
}

void JobQueue::cancelAll()
{
    const std::lock_guard lock(m_state->mutex);
    for (auto& [id, job] : m_state->jobs)
        job->stop.request_stop();
}

std::vector<JobStatus> JobQueue::jobs() const
{
    const std::lock_guard lock(m_state->mutex);
    std::vector<JobStatus> list;
    for (const auto& [id, job] : m_state->jobs)
        list.push_back({id, job->title, job->progress, job->running});
    return list;
}

void JobQueue::onChange(std::function<void()> changed)
{
    const std::lock_guard lock(m_state->mutex);
    m_state->changed = std::move(changed);
}

} // namespace attnscope
