// SPDX-License-Identifier: GPL-3.0-or-later
// The layer x head grid: asks for what it shows, selects by mouse and keyboard, stays in its bounds at 12 x 12.
#include "support/register_test.h"
#include "support/synthetic_source.h"
#include "ui/head_grid.h"
#include "ui/plot_theme.h"

#include <QSignalSpy>
#include <QTest>

#include <cmath>

using namespace attnscope;

class TestHeadGrid : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void asksOnceForEachThumbnail()
    {
        HeadGrid grid;
        grid.resize(300, 300);
        QSignalSpy needed(&grid, &HeadGrid::thumbnailNeeded);
        grid.setGrid(6, 8);
        grid.grab();
        grid.grab();
        QTRY_COMPARE(needed.size(), 48);
        QCOMPARE(needed.first().at(0).toInt(), 0);
        QImage red(4, 4, QImage::Format_RGB32);
        red.fill(Qt::red);
        grid.setThumbnail(2, 3, red);
        const QImage shown = grid.grab().toImage();
        QCOMPARE(shown.pixelColor(grid.cellRect(2, 3).center()), QColor(Qt::red));
        QCOMPARE(needed.size(), 48);
        grid.clearThumbnails();
        grid.grab();
        QTRY_COMPARE(needed.size(), 96);
    }

    void clickAndArrowsSelect()
    {
        HeadGrid grid;
        grid.resize(300, 300);
        grid.setGrid(3, 4);
        QSignalSpy selected(&grid, &HeadGrid::selected);
        QTest::mouseClick(&grid, Qt::LeftButton, Qt::NoModifier, grid.cellRect(2, 1).center());
        QCOMPARE(grid.current(), std::pair(2, 1));
        QTest::keyClick(&grid, Qt::Key_Right);
        QTest::keyClick(&grid, Qt::Key_Up);
        QCOMPARE(grid.current(), std::pair(1, 2));
        QCOMPARE(selected.size(), 3);
        for (int i = 0; i < 9; ++i)
            QTest::keyClick(&grid, Qt::Key_Left);
        QCOMPARE(grid.current(), std::pair(1, 0));
        QCOMPARE(selected.size(), 5);
    }

    void twelveByTwelveFits()
    {
        HeadGrid grid;
        grid.setGrid(12, 12, 4);
        grid.resize(grid.minimumSizeHint());
        QRect all;
        for (int layer = 0; layer < 12; ++layer)
            for (int head = 0; head < 12; ++head) {
                QVERIFY(!all.isNull() || layer + head == 0);
                const QRect cell = grid.cellRect(layer, head);
                QVERIFY(cell.width() >= 8 && cell.width() == cell.height());
                all |= cell;
            }
        QVERIFY(grid.rect().contains(all));
        QVERIFY(!grid.cellRect(0, 0).intersects(grid.cellRect(0, 1)));
    }

    void ordersByTheApproximationsError()
    {
        HeadGrid grid;
        grid.resize(300, 300);
        grid.setGrid(2, 3);
        const QRect first = grid.cellRect(0, 0);
        const QRect second = grid.cellRect(0, 1);
        QSignalSpy changed(&grid, &HeadGrid::orderChanged);
        grid.setOrder(HeadOrder::ApproximationError);
        QCOMPARE(changed.count(), 1);
        grid.setError(0, 2, 0.25);
        grid.setError(1, 1, 0.75);
        QCOMPARE(grid.cellRect(1, 1), first);
        QCOMPARE(grid.cellRect(0, 2), second);
        grid.clearErrors();
        QCOMPARE(grid.cellRect(0, 0), first);
        grid.setError(9, 9, 1.0); // a head of an input that is gone
    }

    void ordersByAMeasure()
    {
        HeadGrid grid;
        grid.resize(300, 300);
        grid.setGrid(2, 3);
        grid.setStats(1, 2, {0.5, 0.9, 0.0});
        grid.setStats(0, 1, {1.5, 0.1, 0.4});
        grid.setStats(1, 0, {1.0, 0.2, 0.1});
        const QRect first = grid.cellRect(0, 0);
        const QRect second = grid.cellRect(0, 1);
        grid.setOrder(HeadOrder::Entropy);
        QCOMPARE(grid.cellRect(1, 2), first);
        QCOMPARE(grid.cellRect(1, 0), second);
        QCOMPARE(grid.cellRect(0, 1).top(), first.top());
        QVERIFY(grid.cellRect(0, 0).top() > first.top()); // not measured yet: after those that are
        QSignalSpy selected(&grid, &HeadGrid::selected);
        QTest::mouseClick(&grid, Qt::LeftButton, Qt::NoModifier, first.center());
        QCOMPARE(grid.current(), std::pair(1, 2));
        QTest::keyClick(&grid, Qt::Key_Right);
        QCOMPARE(grid.current(), std::pair(1, 0));
        grid.nextOrder(); // first token
        QCOMPARE(grid.cellRect(1, 2), first);
        grid.nextOrder(); // previous token
        QCOMPARE(grid.cellRect(0, 1), first);
        grid.nextOrder(); // the approximation's error
        grid.nextOrder();
        QCOMPARE(grid.order(), HeadOrder::Place);
        QCOMPARE(grid.cellRect(0, 0), first);
        QVERIFY(!grid.grab().isNull());
    }

    void statsOfKnownMaps()
    {
        const Index n = 200;
        const tests::FormulaSource uniform(n, n, [](Index, Index) { return 1.0F / 200.0F; });
        const auto flat = headStats(uniform, {});
        QVERIFY(flat.ok());
        QVERIFY(std::abs(flat->entropy - std::log(200.0)) < 1e-4);
        QVERIFY(std::abs(flat->firstWeight - 0.005) < 1e-6);
        const tests::FormulaSource shifted(
            n, n, [](Index r, Index c) { return c == r - 1 ? 0.75F
                                                : c == 0   ? 0.25F
                                                           : 0.0F; }, true);
        const auto local = headStats(shifted, {});
        QVERIFY(local.ok());
        QVERIFY(std::abs(local->previousWeight - 0.75) < 0.01);
        QVERIFY(std::abs(local->firstWeight - 0.25) < 0.02);
    }

    void emptyGrid()
    {
        HeadGrid grid;
        grid.resize(100, 100);
        QTest::keyClick(&grid, Qt::Key_Down);
        QTest::mouseClick(&grid, Qt::LeftButton, Qt::NoModifier, {50, 50});
        grid.setThumbnail(0, 0, QImage());
        QVERIFY(!grid.grab().isNull());
    }

    void thumbnailKeepsBrightCells()
    {
        const auto source = std::make_shared<tests::BrightSource>(3000, std::set<std::pair<Index, Index>>{{1500, 750}});
        const auto image = makeThumbnail(source, 60, colorMap("grey"), lightPlotTheme(), {});
        QVERIFY(image.ok());
        QCOMPARE(image->size(), QSize(60, 60));
        QVERIFY(qGreen(image->pixel(15, 30)) > 200);
        QVERIFY(qGreen(image->pixel(40, 30)) < 50);
    }
};

static const attnscope::tests::RegisterTest<TestHeadGrid> registered("test_head_grid");

#include "test_head_grid.moc"
