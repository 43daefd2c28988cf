// SPDX-License-Identifier: GPL-3.0-or-later
// The newest wish first; what isn't wished for any more is cancelled; nothing outlives its loader.
#include "support/register_test.h"
#include "support/synthetic_source.h"
#include "ui/tile_loader.h"

#include <QSignalSpy>
#include <QTest>

#include <deque>

using namespace attnscope;

namespace {

// Runs posted work when told to, on the caller's thread.
struct ManualExecutor {
    std::shared_ptr<std::deque<std::function<void()>>> queue = std::make_shared<std::deque<std::function<void()>>>();

    Executor executor() const
    {
        return [q = queue](std::function<void()> work) { q->push_back(std::move(work)); };
    }
    bool step() const
    {
        if (queue->empty())
            return false;
        auto work = std::move(queue->front());
        queue->pop_front();
        work();
        return true;
    }
};

std::shared_ptr<TilePyramid> pyramid()
{
    return std::make_shared<TilePyramid>(std::make_shared<tests::BrightSource>(4096, std::set<std::pair<Index, Index>>{}), Pool::Max);
}

} // namespace

class TestTileLoader : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void newestWishFirst()
    {
        ManualExecutor manual;
        TileLoader loader(manual.executor());
        const auto map = pyramid();
        loader.request(map, {{0, 0, 0}, {0, 0, 1}});
        loader.request(map, {{0, 5, 5}, {0, 5, 6}});
        QVERIFY(manual.step());
        QVERIFY(map->cached({0, 5, 5}));
        QVERIFY(!map->cached({0, 5, 6}));
        while (manual.step()) {
        }
        QVERIFY(map->cached({0, 5, 6}));
        QVERIFY(!map->cached({0, 0, 0}));
        QVERIFY(loader.isIdle());
    }

    void supersededWorkIsCancelled()
    {
        TileLoader loader(poolExecutor());
        QSignalSpy idle(&loader, &TileLoader::idle);
        QSignalSpy ready(&loader, &TileLoader::tileReady);
        QSignalSpy failed(&loader, &TileLoader::failed);
        loader.request(std::make_shared<TilePyramid>(std::make_shared<tests::EndlessSource>(1000), Pool::Max), {{0, 0, 0}});
        QTest::qWait(20);
        QVERIFY(!loader.isIdle());
        const auto map = pyramid();
        loader.request(map, {{0, 1, 1}});
        QTRY_VERIFY(loader.isIdle());
        QVERIFY(map->cached({0, 1, 1}));
        QTRY_COMPARE(ready.size(), 1);
        QCOMPARE(failed.size(), 0);
    }

    void sameTileAgainAfterACancel()
    {
        ManualExecutor manual;
        TileLoader loader(manual.executor());
        const auto map = pyramid();
        loader.request(map, {{0, 2, 2}});
        loader.cancel();
        loader.request(map, {{0, 2, 2}});
        while (manual.step()) {
        }
        QVERIFY(map->cached({0, 2, 2}));
    }

    void outlivedWorkIsSilent()
    {
        ManualExecutor manual;
        {
            TileLoader loader(manual.executor());
            loader.request(pyramid(), {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}});
            manual.step();
        }
        while (manual.step()) {
        }
        QCoreApplication::processEvents();
        QVERIFY(manual.queue->empty());
    }
};

static const attnscope::tests::RegisterTest<TestTileLoader> registered("test_tile_loader");

#include "test_tile_loader.moc"
