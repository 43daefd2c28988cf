// SPDX-License-Identifier: GPL-3.0-or-later
// The pinned query's row: the latest query wins, values are the map's, masked and long rows are drawn.
#include "support/register_test.h"
#include "support/synthetic_source.h"
#include "ui/plot_theme.h"
#include "ui/row_plot.h"
#include "ui/text_marks.h"

#include <QMouseEvent>
#include <QSignalSpy>
#include <QTest>

#include <cmath>

using namespace attnscope;
using tests::FormulaSource;
using Kind = PaneContent::Kind;

namespace {

std::vector<PaneContent> panesOf(Index n)
{
    const auto exact = std::make_shared<FormulaSource>(
        n, n, [](Index r, Index c) { return c == 7 ? 0.9F : 1.0F / static_cast<float>(r + 1); }, true);
    const auto other = std::make_shared<FormulaSource>(
        n, n, [](Index r, Index) { return 0.5F / static_cast<float>(r + 1); }, true);
    return {{"softmax", "", Kind::Exact, exact, {}},
            {"performer", "", Kind::Approximation, other, {}},
            {"failed", "", Kind::Approximation, nullptr, "no causal form"},
            {"error", "", Kind::Error, other, {}}};
}

// Does any pixel of the column show this colour?
bool columnHas(const QImage& image, int x, const QColor& color)
{
    for (int y = 0; y < image.height(); ++y)
        if (image.pixelColor(x, y) == color)
            return true;
    return false;
}

} // namespace

class TestRowPlot : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void valuesAreTheMaps()
    {
        RowPlot row;
        row.setSources(panesOf(64));
        QVERIFY(row.isIdle());
        row.setQuery(40);
        QTRY_VERIFY(row.isIdle());
        QCOMPARE(row.values(0).size(), std::size_t(64));
        QCOMPARE(row.values(0)[7], 0.9F);
        QCOMPARE(row.values(0)[40], 1.0F / 41.0F);
        QCOMPARE(row.values(0)[41], 0.0F);
        QCOMPARE(row.values(1)[3], 0.5F / 41.0F);
        QVERIFY(row.values(2).empty()); // neither a pane without a map nor an error
        row.setQuery(std::nullopt);
        QVERIFY(row.values(0).empty());
    }

    void theLatestQueryWins()
    {
        RowPlot row;
        row.setSources(panesOf(128));
        QSignalSpy painted(&row, &RowPlot::painted);
        for (Index query = 1; query <= 100; ++query)
            row.setQuery(query);
        QTRY_VERIFY(row.isIdle());
        QCOMPARE(painted.size(), 1);
        QCOMPARE(row.values(0)[100], 1.0F / 101.0F);
    }

    void earlierPinsAddTheirExactRows()
    {
        RowPlot row;
        row.resize(700, 200);
        row.show();
        row.setSources(panesOf(64));
        row.setPins({{20, 1}, {40, 2}, {30, 3}, {40, 9}});
        QTRY_VERIFY(row.isIdle());
        QCOMPARE(row.query(), std::optional<Index>(40));
        QCOMPARE(row.values(0)[3], 1.0F / 41.0F);
        QCOMPARE(row.values(1)[3], 0.5F / 41.0F);
        QCOMPARE(row.values(2)[3], 1.0F / 21.0F); // of exact attention; query 40 itself isn't drawn twice
        QCOMPARE(row.values(3)[3], 1.0F / 31.0F);
        QVERIFY(row.values(4).empty());
        QTest::qWait(30);
        const QImage image = row.grab().toImage();
        int pixels = 0;
        for (int x = 80; x < 300; ++x)
            pixels += columnHas(image.copy(0, 70, image.width(), 130), x, pinColor(plotTheme(row.palette()), 0));
        QVERIFY2(pixels > 50, qPrintable(QString::number(pixels)));
        row.setPins({});
        QVERIFY(row.values(0).empty());
    }

    void aSinglePeakShowsInALongRow()
    {
        const Index n = 50000;
        RowPlot row;
        row.resize(600, 200);
        row.show();
        row.setSources(
            {{"softmax", "", Kind::Exact, std::make_shared<tests::BrightSource>(n, std::set<std::pair<Index, Index>>{{3, 25000}}), {}}});
        row.setQuery(3);
        QTRY_VERIFY(row.isIdle());
        QTest::qWait(50);
        const QImage image = row.grab().toImage();
        const QColor color = seriesColors(plotTheme(row.palette())).first();
        int columns = 0;
        for (int x = 200; x < 450; ++x)
            if (columnHas(image.copy(0, 60, image.width(), 60), x, color))
                ++columns;
        QVERIFY2(columns >= 1 && columns <= 4, qPrintable(QString::number(columns)));
    }

    void searchedKeysAreMarked()
    {
        RowPlot row;
        row.resize(600, 200);
        row.setSources(panesOf(300));
        row.setQuery(270);
        QVERIFY(QTest::qWaitFor([&] { return row.isIdle(); }));
        const auto picture = [&] {
            row.show();
            QTest::qWait(50);
            return row.grab().toImage();
        };
        const QImage plain = picture();
        auto marks = std::make_shared<TextMarks>();
        marks->tokens = {{50, 60}};
        row.setMarks(marks);
        const QImage marked = picture();
        QVERIFY(marked != plain);
        marks = std::make_shared<TextMarks>(*marks);
        marks->only = true;
        row.setMarks(marks);
        const QImage veiled = picture();
        QVERIFY(veiled != marked && veiled != plain);
        row.setMarks(nullptr);
        QCOMPARE(picture(), plain);
    }

    void hoverNamesTheKey()
    {
        RowPlot row;
        row.resize(800, 200);
        row.show();
        row.setSources(panesOf(64));
        row.setTokens(QStringList(64, "whale"));
        row.setQuery(40);
        QTRY_VERIFY(row.isIdle());
        QTest::qWait(20);
        QSignalSpy hovered(&row, &RowPlot::hovered);
        QWidget* plot = row.childAt(400, 100);
        QMouseEvent move(QEvent::MouseMove, QPointF(400, 100), plot->mapToGlobal(QPointF(400, 100)), Qt::NoButton, Qt::NoButton,
                         Qt::NoModifier);
        QCoreApplication::sendEvent(plot, &move);
        QCOMPARE(hovered.size(), 1);
        QCOMPARE(hovered.first().at(0).value<Index>(), Index(40));
        const Index key = hovered.first().at(1).value<Index>();
        QVERIFY(std::abs(double(key) - 64.0 * 350 / 740) < 6);
        row.setLogScale(true);
        QVERIFY(!row.grab().isNull());
    }

    void endlessRowsAreCancelled()
    {
        RowPlot row;
        QSignalSpy failed(&row, &RowPlot::failed);
        row.setSources({{"softmax", "", Kind::Exact, std::make_shared<tests::EndlessSource>(100), {}}});
        row.setQuery(5);
        row.setSources(panesOf(64)); // cancels the endless one
        QTRY_VERIFY(row.isIdle());
        QCOMPARE(row.values(0)[7], 0.0F);
        row.setQuery(10);
        QTRY_VERIFY(row.isIdle());
        QCOMPARE(row.values(0)[7], 0.9F);
        QCOMPARE(failed.size(), 0);
    }
};

static const attnscope::tests::RegisterTest<TestRowPlot> registered("test_row_plot");

#include "test_row_plot.moc"
