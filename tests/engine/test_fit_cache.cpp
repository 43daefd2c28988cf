// SPDX-License-Identifier: GPL-3.0-or-later
// The cache of fits: one maker for many askers, a bound on what is kept, nothing kept of failures.
#include "core/engine/fit_cache.h"
#include "support/register_test.h"

#include <QTest>

#include <atomic>
#include <thread>
#include <vector>

using namespace attnscope;

class TestFitCache : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void manyAskersOneMaker()
    {
        FitCache<int> cache(2);
        std::atomic<int> made{0};
        std::atomic<int> right{0};
        const auto ask = [&] {
            const auto found = cache.get("a", {}, [&]() -> Result<int> {
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
                return ++made;
            });
            right += found && **found == 1 ? 1 : 0;
        };
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back(ask);
        for (auto& thread : threads)
            thread.join();
        QCOMPARE(made.load(), 1);
        QCOMPARE(right.load(), 8);
    }

    void keepsTheLatest()
    {
        FitCache<int> cache(2);
        int made = 0;
        const auto ask = [&](const char* key) { return **cache.get(key, {}, [&]() -> Result<int> { return ++made; }); };
        QCOMPARE(ask("a"), 1);
        QCOMPARE(ask("b"), 2);
        QCOMPARE(ask("a"), 1); // asked for later than b
        QCOMPARE(ask("c"), 3); // b goes
        QCOMPARE(ask("a"), 1);
        QCOMPARE(ask("b"), 4);
    }

    void failuresAreNotKept()
    {
        FitCache<int> cache(2);
        const auto failed = cache.get("a", {}, []() -> Result<int> { return cancelledError(); });
        QVERIFY(!failed.ok());
        QCOMPARE(failed.error().code, Errc::Cancelled);
        const auto made = cache.get("a", {}, []() -> Result<int> { return 7; });
        QVERIFY(made.ok() && **made == 7);
    }

    void waitersCanBeStopped()
    {
        FitCache<int> cache(2);
        std::stop_source stop;
        std::atomic<bool> running{false};
        std::thread maker([&] {
            const auto made = cache.get("a", {}, [&]() -> Result<int> {
                running = true;
                while (!stop.stop_requested())
                    std::this_thread::yield();
                return 1;
            });
            QVERIFY(made.ok());
        });
        while (!running)
            std::this_thread::yield();
        std::stop_source impatient;
        impatient.request_stop();
        RunContext context;
        context.stop = impatient.get_token();
        const auto waited = cache.get("a", context, []() -> Result<int> { return 2; });
        stop.request_stop();
        maker.join();
        QVERIFY(!waited.ok());
        QCOMPARE(waited.error().code, Errc::Cancelled);
    }
};

static const attnscope::tests::RegisterTest<TestFitCache> registered("test_fit_cache");

#include "test_fit_cache.moc"
