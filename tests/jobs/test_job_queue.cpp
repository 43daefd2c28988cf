// SPDX-License-Identifier: GPL-3.0-or-later
// Latest wins, done exactly once and on the owner's thread, cancel reaches the work, the destructor waits.
#include "core/jobs/job_queue.h"
#include "support/register_test.h"

#include <QTest>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

using namespace attnscope;

namespace {

/// An event loop of one thread: run() takes posted functions until `expected` dones were counted.
class Loop {
public:
    JobQueue::Post post()
    {
        return [this](std::function<void()> call) {
            const std::lock_guard lock(m_mutex);
            m_calls.push_back(std::move(call));
            m_filled.notify_one();
        };
    }
    template <class Until>
    void run(Until until)
    {
        while (!until()) {
            std::unique_lock lock(m_mutex);
            m_filled.wait_for(lock, std::chrono::milliseconds(50), [this] { return !m_calls.empty(); });
            if (m_calls.empty())
                continue;
            const auto call = std::move(m_calls.front());
            m_calls.pop_front();
            lock.unlock();
            call();
        }
    }

private:
    std::mutex m_mutex;
    std::condition_variable m_filled;
    std::deque<std::function<void()>> m_calls;
};

Result<int> waitForStop(const RunContext& context)
{
    while (!context.cancelled())
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return cancelledError();
}

} // namespace

class TestJobQueue : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void deliversOnTheOwnersThread()
    {
        Loop loop;
        JobQueue queue(loop.post());
        int got = 0;
        std::thread::id worker, owner;
        queue.replace(
            "a", "job", Lane::Interactive,
            [&](const RunContext&) -> Result<int> {
                worker = std::this_thread::get_id();
                return 7;
            },
            [&](Result<int> result) {
                owner = std::this_thread::get_id();
                got = result.ok() ? *result : -1;
            });
        loop.run([&] { return got != 0; });
        QCOMPARE(got, 7);
        QVERIFY(owner == std::this_thread::get_id());
        QVERIFY(worker != owner);
    }

    void latestOfASlotWins()
    {
        Loop loop;
        JobQueue queue(loop.post());
        std::vector<int> calls(50, 0);
        int last = -1;
        int cancelled = 0;
        for (int i = 0; i < 50; ++i)
            queue.replace(
                "slider", "job", Lane::Interactive,
                [i](const RunContext& context) -> Result<int> {
                    if (i < 49)
                        return waitForStop(context);
                    return i;
                },
                [&, i](Result<int> result) {
                    ++calls[static_cast<std::size_t>(i)];
                    if (result.ok())
                        last = *result;
                    else if (result.error().code == Errc::Cancelled)
                        ++cancelled;
                });
        loop.run([&] { return queue.idle(); });
        QCOMPARE(last, 49);
        QCOMPARE(cancelled, 49);
        QVERIFY(std::all_of(calls.begin(), calls.end(), [](int n) { return n == 1; }));
    }

    void aResultThatCameTooLateIsNotDelivered()
    {
        Loop loop;
        JobQueue queue(loop.post());
        std::atomic<bool> finished{false};
        bool stale = false;
        int calls = 0;
        queue.replace(
            "s", "old", Lane::Interactive,
            [&](const RunContext&) -> Result<int> {
                finished = true;
                return 1;
            },
            [&](Result<int> result) { ++calls, stale = result.ok(); });
        while (!finished)
            std::this_thread::yield();
        queue.replace(
            "s", "new", Lane::Interactive, [](const RunContext&) -> Result<int> { return 2; }, [&](Result<int>) { ++calls; });
        loop.run([&] { return calls == 2; });
        QVERIFY(!stale);
    }

    void cancellingBeforeDeliveryStopsWhatWouldFollow()
    {
        Loop loop;
        JobQueue queue(loop.post());
        std::atomic<bool> worked{false};
        std::optional<bool> delivered;
        const auto id = queue.replace(
            "", "first of a chain", Lane::Interactive,
            [&](const RunContext&) -> Result<int> {
                worked = true;
                return 1;
            },
            [&](Result<int> result) { delivered = result.ok(); });
        while (!worked)
            std::this_thread::yield();
        queue.cancel(id);
        loop.run([&] { return delivered.has_value(); });
        QVERIFY(!*delivered);
    }

    void interactiveDoesNotWaitForBackground()
    {
        Loop loop;
        JobQueue queue(loop.post());
        int got = 0;
        bool backgroundDone = false;
        const auto id = queue.replace("", "sweep", Lane::Background, waitForStop, [&](Result<int>) { backgroundDone = true; });
        queue.replace(
            "", "tile", Lane::Interactive, [](const RunContext&) -> Result<int> { return 3; }, [&](Result<int> r) { got = *r; });
        loop.run([&] { return got == 3; });
        QVERIFY(!backgroundDone);
        queue.cancel(id);
        loop.run([&] { return backgroundDone; });
    }

    void destructorStopsAndNeverCallsDone()
    {
        Loop loop;
        int calls = 0;
        {
            JobQueue queue(loop.post());
            for (int i = 0; i < 8; ++i)
                queue.replace("", "long", i % 2 ? Lane::Background : Lane::Interactive, waitForStop, [&](Result<int>) { ++calls; });
        }
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
        loop.run([&] { return std::chrono::steady_clock::now() > end; });
        QCOMPARE(calls, 0);
    }

    void progressIsListed()
    {
        Loop loop;
        JobQueue queue(loop.post());
        double seen = 0.0;
        queue.onChange([&] {
            for (const auto& job : queue.jobs())
                seen = std::max(seen, job.progress);
        });
        const auto id = queue.replace(
            "", "half", Lane::Interactive,
            [](const RunContext& context) {
                context.report(0.5);
                return waitForStop(context);
            },
            [](Result<int>) {});
        loop.run([&] { return seen > 0.0; });
        QCOMPARE(seen, 0.5);
        queue.cancel(id);
        loop.run([&] { return queue.idle(); });
    }
};

static const attnscope::tests::RegisterTest<TestJobQueue> registered("test_job_queue");

#include "test_job_queue.moc"
