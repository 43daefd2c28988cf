// SPDX-License-Identifier: GPL-3.0-or-later
// Runs long calls on workers: the latest job of a slot wins, each done is called exactly once on the owner's thread.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace attnscope {

/// Interactive jobs (a slider, a tile) never wait behind background ones (a sweep, thumbnails).
enum class Lane { Interactive, Background };

/// What a jobs panel shows of one running or waiting job.
struct JobStatus {
    std::uint64_t id = 0;
    std::string title;
    double progress = 0.0; ///< 0 to 1; 0 until the job reports
    bool running = false;  ///< false: still waiting for a worker
};

class JobQueue {
public:
    using Post = std::function<void(std::function<void()>)>;

    /// `post` hands a function to the owner's thread (an event loop); `context` is what each job starts from.
    explicit JobQueue(Post post, RunContext context = {});
    /// Cancels all, waits for the running ones; their done is not called any more.
    ~JobQueue();
    JobQueue(const JobQueue&) = delete;
    JobQueue& operator=(const JobQueue&) = delete;

    /// Runs work(RunContext) -> Result<T> on a worker, then done(Result<T>) on the owner's thread.
    /// A job that is still waiting or running in the same non-empty `slot` is cancelled: its done gets Errc::Cancelled.
    template <class Work, class Done>
    std::uint64_t replace(const std::string& slot, const std::string& title, Lane lane, Work work, Done done)
    {
        using Value = std::invoke_result_t<Work, const RunContext&>;
        auto result = std::make_shared<std::unique_ptr<Value>>();
        return submit(
            slot, title, lane,
            [work = std::move(work), result](const RunContext& context) {
                *result = std::make_unique<Value>(context.cancelled() ? Value(cancelledError()) : work(context));
            },
            [done = std::move(done), result](bool cancelled) {
                done(cancelled || !*result ? Value(cancelledError()) : std::move(**result));
            });
    }

    /// Until a job's done is called it can be cancelled, even when its work has ended: done then gets Errc::Cancelled, so that
    /// nothing is built on it.
    void cancel(std::uint64_t id);
    void cancelSlot(const std::string& slot);
    void cancelAll();

    std::vector<JobStatus> jobs() const;
    bool idle() const { return jobs().empty(); }

    /// Called on the owner's thread when a job starts, progresses or ends; at most once per turn of its event loop.
    void onChange(std::function<void()> changed);

private:
    struct State;
    struct Job;
    struct Call;

    std::uint64_t submit(const std::string& slot, std::string title, Lane lane, std::function<void(const RunContext&)> work,
                         std::function<void(bool cancelled)> done);

    std::shared_ptr<State> m_state;
};

} // namespace attnscope
