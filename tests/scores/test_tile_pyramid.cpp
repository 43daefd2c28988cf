// SPDX-License-Identifier: GPL-3.0-or-later
// Tiles against direct reads at every level and pool, the cache's bound, statistics, masks and cancelling.
#include "core/scores/difference.h"
#include "core/scores/low_rank_source.h"
#include "core/scores/tile_pyramid.h"
#include "support/register_test.h"
#include "support/synthetic_source.h"

#include <QTest>

#include <cmath>
#include <limits>
#include <thread>

using namespace attnscope;
using tests::BrightSource;
using tests::FormulaSource;

namespace {

float wave(Index row, Index col)
{
    return std::sin(0.37F * static_cast<float>(row)) * std::cos(0.11F * static_cast<float>(col * (row % 7)));
}

// max |tile - direct read| over all tiles of a level.
double worstGap(TilePyramid& pyramid, int level)
{
    double worst = 0.0;
    const auto& source = pyramid.source();
    for (Index row = 0; row * kTileSize < pooledSize(source.rows(), level); ++row)
        for (Index col = 0; col * kTileSize < pooledSize(source.cols(), level); ++col) {
            const auto tile = pyramid.compute({level, row, col}, {});
            if (!tile)
                return std::numeric_limits<double>::infinity();
            std::vector<float> direct((*tile)->values.size());
            const Block block{row * kTileSize, col * kTileSize, (*tile)->rows, (*tile)->cols, level};
            if (!source.read(block, pyramid.pool(), {direct.data(), block.rows, block.cols, block.cols}, {}))
                return std::numeric_limits<double>::infinity();
            for (std::size_t i = 0; i < direct.size(); ++i)
                worst = std::max(worst, static_cast<double>(std::abs(direct[i] - (*tile)->values[i])));
        }
    return worst;
}

} // namespace

class TestTilePyramid : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rangeBeyondTheFirstKey()
    {
        const auto sink = std::make_shared<FormulaSource>(600, 600, [](Index row, Index col) {
            return col == 0 ? 0.9F : row == 599 && col == 599 ? 0.25F : 0.01F;
        });
        TilePyramid pyramid(sink, Pool::Max);
        QVERIFY(pyramid.compute({pyramid.topLevel(), 0, 0}, {}).ok());
        const auto stats = pyramid.stats();
        QCOMPARE(stats->range.max, double(0.9F));
        QVERIFY(stats->beyondFirstKey.has_value());
        QCOMPARE(stats->beyondFirstKey->max, double(0.25F));
        QCOMPARE(stats->beyondFirstKey->minPositive, double(0.01F));

        TilePyramid narrow(std::make_shared<FormulaSource>(5, 1, [](Index, Index) { return 0.5F; }), Pool::Max);
        QVERIFY(narrow.compute({0, 0, 0}, {}).ok());
        QVERIFY(!narrow.stats()->beyondFirstKey.has_value());
    }

    void levels_data()
    {
        QTest::addColumn<int>("pool");
        QTest::addColumn<bool>("fineFirst");
        for (const Pool pool : {Pool::Max, Pool::Mean, Pool::Min, Pool::Extreme})
            for (const bool fineFirst : {false, true})
                QTest::addRow("%s, %s", toString(pool).data(), fineFirst ? "from children" : "from the source") << int(pool) << fineFirst;
    }
    void levels()
    {
        QFETCH(int, pool);
        QFETCH(bool, fineFirst);
        TilePyramid pyramid(std::make_shared<FormulaSource>(700, 1100, wave), static_cast<Pool>(pool));
        QCOMPARE(pyramid.topLevel(), 3);
        for (int i = 0; i <= 3; ++i) {
            const double gap = worstGap(pyramid, fineFirst ? i : 3 - i);
            QVERIFY2(gap <= (pool == int(Pool::Mean) ? 1e-6 : 0.0), qPrintable(QString::number(gap)));
        }
    }

    void cachedNeverComputes()
    {
        const auto source = std::make_shared<FormulaSource>(600, 600, wave);
        TilePyramid pyramid(source, Pool::Max);
        QVERIFY(!pyramid.cached({0, 0, 0}));
        QVERIFY(!pyramid.nearest({0, 0, 0}));
        QCOMPARE(source->cellsRead(), Index(0));
        QVERIFY(pyramid.compute({2, 0, 0}, {}).ok());
        QCOMPARE(pyramid.nearest({0, 1, 2})->key, (TileKey{2, 0, 0}));
        const Index read = source->cellsRead();
        QVERIFY(pyramid.compute({2, 0, 0}, {}).ok());
        QCOMPARE(source->cellsRead(), read);
    }

    void dropsFineTilesFirst()
    {
        const std::size_t limit = 40 * 256 * 256 * sizeof(float);
        TilePyramid pyramid(std::make_shared<BrightSource>(8192, std::set<std::pair<Index, Index>>{{17, 4000}}), Pool::Max, limit);
        QVERIFY(pyramid.compute({5, 0, 0}, {}).ok());
        QVERIFY(pyramid.compute({4, 0, 1}, {}).ok());
        for (Index i = 0; i < 100; ++i)
            QVERIFY(pyramid.compute({0, i % 32, i / 32}, {}).ok());
        QVERIFY(pyramid.bytes() <= limit);
        QVERIFY(pyramid.cached({5, 0, 0}));
        QVERIFY(pyramid.cached({4, 0, 1}));
        QVERIFY(!pyramid.cached({0, 0, 0}));
        QVERIFY(pyramid.cached({0, 99 % 32, 99 / 32}));
    }

    // Indices beyond 46,340 overflow a 32-bit n^2; at 65,536 the product is 0.
    void farCorner_data()
    {
        QTest::addColumn<Index>("n");
        for (const Index n : {Index(46341), Index(65536), Index(100000)})
            QTest::addRow("%lld", static_cast<long long>(n)) << n;
    }
    void farCorner()
    {
        QFETCH(Index, n);
        const std::set<std::pair<Index, Index>> bright{{n - 1, n - 1}, {n - 1, 0}, {0, n - 1}, {n / 2, n - 300}};
        TilePyramid pyramid(std::make_shared<BrightSource>(n, bright), Pool::Max);
        for (const int level : {0, kLeafLevel, pyramid.topLevel()})
            for (const auto& [row, col] : bright) {
                const TileKey key{level, (row >> level) / kTileSize, (col >> level) / kTileSize};
                const auto tile = pyramid.compute(key, {});
                QVERIFY(tile.ok());
                QCOMPARE((*tile)->at((row >> level) % kTileSize, (col >> level) % kTileSize), 1.0F);
                QVERIFY(std::count((*tile)->values.begin(), (*tile)->values.end(), 1.0F) <= 4);
            }
        QVERIFY(!pyramid.compute({0, n / kTileSize + 1, 0}, {}).ok());
    }

    void coarseTilesGoThroughLeaves()
    {
        TilePyramid pyramid(std::make_shared<BrightSource>(40000, std::set<std::pair<Index, Index>>{{39999, 39999}}), Pool::Max);
        const TileKey top{pyramid.topLevel(), 0, 0};
        QCOMPARE(pyramid.missingLeaves(top).size(), std::size_t(25));
        QVERIFY(pyramid.compute({kLeafLevel, 2, 3}, {}).ok());
        QCOMPARE(pyramid.missingLeaves(top).size(), std::size_t(24));
        QVERIFY(pyramid.compute(top, {}).ok());
        QVERIFY(pyramid.missingLeaves(top).empty());
        QVERIFY(pyramid.cached({kLeafLevel, 4, 4}));
    }

    void meanLevelsOfFactorsComeAtOnce()
    {
        const auto factored = [](float left, float right) {
            LowRankFactors factors{Tensor(1, 1, 40000, 1), Tensor(1, 1, 40000, 1), 40000};
            std::fill(factors.left.values().begin(), factors.left.values().end(), left);
            std::fill(factors.right.values().begin(), factors.right.values().end(), right);
            return makeLowRankSource(std::move(factors));
        };
        const auto a = factored(2.0F, 3.0F);
        const auto error = *makeDifference(a, factored(1.0F, 1.0F), DifferenceMetric::Error);
        for (const auto& [source, value] : {std::pair{a, 6.0F}, {error, 5.0F}}) {
            TilePyramid pyramid(source, Pool::Mean);
            const TileKey top{pyramid.topLevel(), 0, 0};
            QVERIFY(pyramid.missingLeaves(top).empty());
            const auto tile = pyramid.compute(top, {});
            QVERIFY(tile.ok());
            QCOMPARE((*tile)->at(0, 0), value);
            QCOMPARE((*tile)->at((*tile)->rows - 1, (*tile)->cols - 1), value);
            QVERIFY(!pyramid.cached({kLeafLevel, 0, 0}));
        }
        QCOMPARE(TilePyramid(a, Pool::Max).missingLeaves({8, 0, 0}).size(), std::size_t(25));
        const auto squares = *makeDifference(a, a, DifferenceMetric::Squared); // a mean of squares isn't the square of means
        QCOMPARE(TilePyramid(squares, Pool::Mean).missingLeaves({8, 0, 0}).size(), std::size_t(25));
    }

    void statistics()
    {
        TilePyramid pyramid(std::make_shared<FormulaSource>(100, 100,
                                                            [](Index r, Index c) {
                                                                if (r == 3 && c == 4)
                                                                    return std::nanf("");
                                                                return r == 5 && c == 5 ? -2.0F : static_cast<float>(r) / 50.0F;
                                                            }),
                            Pool::Max);
        QVERIFY(!pyramid.stats());
        const auto tile = pyramid.compute({0, 0, 0}, {});
        const auto stats = pyramid.stats();
        QVERIFY(stats.has_value());
        QCOMPARE(stats->notFinite, Index(1));
        QCOMPARE(stats->finite, Index(9999));
        QCOMPARE(stats->range.min, -2.0);
        QCOMPARE(stats->range.max, double(99.0F / 50.0F));
        QCOMPARE(stats->range.minPositive, double(1.0F / 50.0F));
        const auto counts = histogramOf(**tile, {Normalisation::Linear, -2.0, 2.0, &colorMap("grey")}, 4);
        QCOMPARE(counts[0] + counts[1] + counts[2] + counts[3], Index(9999));
        QCOMPARE(counts[0], Index(1));
        QCOMPARE(counts[1], Index(0));
    }

    // The largest of 64 x 64 cells hides how small the small ones are: the scale must know all the same.
    void smallValuesCountInTheRange()
    {
        TilePyramid pyramid(std::make_shared<FormulaSource>(1024, 1024, [](Index, Index c) { return c % 4 == 0 ? 0.5F : 0.001F; }),
                            Pool::Max);
        QVERIFY(pyramid.compute({2, 0, 0}, {}).ok());
        QCOMPARE(pyramid.stats()->range.minPositive, double(0.001F));
    }

    void masksAndSkipsWhatIsHidden()
    {
        const auto source = std::make_shared<FormulaSource>(
            2048, 2048, [](Index, Index) { return 1.0F; }, true);
        TilePyramid pyramid(source, Pool::Max);
        QVERIFY(source->visibleToAny(10, 10) == (KeyRange{0, 20}));
        QVERIFY(source->visibleToAny(2040, 960) == (KeyRange{0, 2048}));
        QVERIFY(pyramid.compute({0, 0, 0}, {}).ok());
        const Index read = source->cellsRead();
        const auto hidden = pyramid.compute({0, 0, 5}, {});
        QVERIFY(hidden.ok());
        QCOMPARE(source->cellsRead(), read);
        QCOMPARE(std::count((*hidden)->values.begin(), (*hidden)->values.end(), 0.0F), std::ptrdiff_t(256 * 256));
    }

    void canBeCancelled()
    {
        TilePyramid pyramid(std::make_shared<tests::EndlessSource>(5000), Pool::Max);
        std::stop_source stop;
        RunContext context;
        context.stop = stop.get_token();
        std::jthread stopper([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            stop.request_stop();
        });
        const auto tile = pyramid.compute({0, 0, 0}, context);
        QVERIFY(!tile.ok());
        QCOMPARE(tile.error().code, Errc::Cancelled);
        QVERIFY(!pyramid.cached({0, 0, 0}));
    }

    void manyThreads()
    {
        TilePyramid pyramid(std::make_shared<FormulaSource>(2000, 2000, wave), Pool::Mean, 3 << 20);
        std::atomic<int> wrong = 0;
        {
            std::vector<std::jthread> workers;
            for (int w = 0; w < 4; ++w)
                workers.emplace_back([&, w] {
                    for (Index i = 0; i < 40; ++i) {
                        const TileKey key{static_cast<int>(i + w) % 3, i % 2, (i + w) % 2};
                        const auto tile = pyramid.compute(key, {});
                        wrong += !tile || (*tile)->key != key;
                        pyramid.nearest(key);
                    }
                });
        }
        QCOMPARE(wrong.load(), 0);
    }
};

static const attnscope::tests::RegisterTest<TestTilePyramid> registered("test_tile_pyramid");

#include "test_tile_pyramid.moc"
