// SPDX-License-Identifier: GPL-3.0-or-later
// Estimates of long maps: what every row shows alike is exact, nothing exceeds the map, few rows are read, and cancelling works.
#include "core/scores/map_preview.h"
#include "core/scores/tile_pyramid.h"
#include "support/register_test.h"
#include "support/synthetic_source.h"

#include <QTest>

#include <cmath>
#include <thread>

using namespace attnscope;
using tests::EndlessSource;
using tests::FormulaSource;

namespace {

std::vector<float> estimated(const ScoreSource& source, Pool pool, int level)
{
    const Index rows = pooledSize(source.rows(), level);
    const Index cols = pooledSize(source.cols(), level);
    std::vector<float> out(static_cast<std::size_t>(rows * cols), std::nanf(""));
    if (!estimateMap(source, pool, level, {out.data(), rows, cols, cols}, {}))
        out.clear();
    return out;
}

std::vector<float> pooledMap(const ScoreSource& source, Pool pool, int level)
{
    const Index rows = pooledSize(source.rows(), level);
    const Index cols = pooledSize(source.cols(), level);
    std::vector<float> out(static_cast<std::size_t>(rows * cols));
    if (!source.read({0, 0, rows, cols, level}, pool, {out.data(), rows, cols, cols}, {}))
        out.clear();
    return out;
}

float wave(Index row, Index col) { return std::sin(0.37F * float(row)) * std::cos(0.11F * float(col * (row % 7))); }

} // namespace

class TestMapPreview : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void columnsAreExact()
    {
        const FormulaSource source(3001, 1777, [](Index, Index col) { return std::sin(0.3F * float(col)); });
        for (const Pool pool : {Pool::Max, Pool::Min, Pool::Extreme})
            for (const int level : {0, 3, 5, 12})
                QCOMPARE(estimated(source, pool, level), pooledMap(source, pool, level));
    }

    void neverBeyondTheMap_data()
    {
        QTest::addColumn<int>("n");
        for (const int n : {1, 17, 1000, 3001})
            QTest::addRow("%d", n) << n;
    }
    void neverBeyondTheMap()
    {
        QFETCH(int, n);
        for (const bool causal : {false, true}) {
            const FormulaSource source(n, n, wave, causal);
            for (const int level : {2, 6}) {
                const auto most = pooledMap(source, Pool::Max, level);
                const auto least = pooledMap(source, Pool::Min, level);
                const auto high = estimated(source, Pool::Max, level);
                const auto low = estimated(source, Pool::Min, level);
                const auto mean = estimated(source, Pool::Mean, level);
                QCOMPARE(high.size(), most.size());
                for (std::size_t i = 0; i < most.size(); ++i) {
                    QVERIFY(high[i] <= most[i] && low[i] >= least[i]);
                    QVERIFY(mean[i] <= high[i] + 1e-6F && mean[i] >= low[i] - 1e-6F); // float32 of a mean in double
                }
            }
        }
    }

    void fewRowsAreRead()
    {
        const FormulaSource source(40000, 4000, wave);
        const auto out = estimated(source, Pool::Max, 8);
        QCOMPARE(source.cellsRead(), pooledSize(40000, 8) * kPreviewRows * 4000);
        QVERIFY(!out.empty());
    }

    void stops()
    {
        std::stop_source stop;
        RunContext context;
        context.stop = stop.get_token();
        const EndlessSource source(70000);
        std::vector<float> out(274 * 274);
        std::jthread other([&] { stop.request_stop(); });
        const auto done = estimateMap(source, Pool::Max, 8, {out.data(), 274, 274, 274}, context);
        QVERIFY(!done && done.error().code == Errc::Cancelled);
    }

    void thePyramidKeepsTheFinest()
    {
        TilePyramid small(std::make_shared<FormulaSource>(16384, 16384, wave), Pool::Max);
        QVERIFY(small.missingPreviews().empty());
        TilePyramid pyramid(std::make_shared<FormulaSource>(20000, 300, wave), Pool::Max);
        const TileKey rough{kRoughPreview, 0, 0};
        const TileKey fine{kFinePreview, 0, 0};
        QCOMPARE(pyramid.missingPreviews(), (std::vector<TileKey>{rough, fine}));
        QVERIFY(!pyramid.preview() && !pyramid.stats());
        QVERIFY(pyramid.compute(rough, {}).ok());
        QCOMPARE(pyramid.preview()->key.level, pyramid.topLevel() + 2);
        QVERIFY(pyramid.stats().has_value());
        QCOMPARE(pyramid.missingPreviews(), std::vector<TileKey>{fine});
        QVERIFY(pyramid.compute(fine, {}).ok());
        QVERIFY(pyramid.compute(rough, {}).ok()); // late: the finer one stays
        QCOMPARE(pyramid.preview()->key.level, pyramid.topLevel());
        QVERIFY(pyramid.missingPreviews().empty());
        QVERIFY(!pyramid.nearest({0, 0, 0})); // an estimate is no tile
        const auto top = pyramid.compute({pyramid.topLevel(), 0, 0}, {});
        QVERIFY(top.ok());
        for (std::size_t i = 0; i < (*top)->values.size(); ++i)
            QVERIFY(pyramid.preview()->values[i] <= (*top)->values[i]);
    }

    void meansOfASampleDontWidenTheRange()
    {
        const auto source = std::make_shared<FormulaSource>(20000, 300, wave);
        TilePyramid pyramid(source, Pool::Mean);
        QVERIFY(pyramid.compute({kRoughPreview, 0, 0}, {}).ok());
        const double before = pyramid.stats()->range.max;
        QVERIFY(pyramid.compute({pyramid.topLevel(), 0, 0}, {}).ok());
        TilePyramid plain(source, Pool::Mean);
        QVERIFY(plain.compute({plain.topLevel(), 0, 0}, {}).ok());
        QCOMPARE(pyramid.stats()->range.max, plain.stats()->range.max);
        QVERIFY(before != pyramid.stats()->range.max);
    }
};

static const attnscope::tests::RegisterTest<TestMapPreview> registered("test_map_preview");

#include "test_map_preview.moc"
