// SPDX-License-Identifier: GPL-3.0-or-later
// Two maps in one pane, transposed maps, unlinked panes, and what a drag does.
#include "support/register_test.h"
#include "support/synthetic_source.h"
#include "ui/board.h"
#include "ui/chain_button.h"
#include "ui/map_pane.h"
#include "ui/pane_compare.h"
#include "ui/plot_theme.h"
#include "ui/view_state.h"

#include <QImage>
#include <QTest>

using namespace attnscope;
using tests::FormulaSource;
using Kind = PaneContent::Kind;

namespace {

constexpr Index kTokens = 64;

std::shared_ptr<const ScoreSource> flat(float value, bool causal)
{
    return std::make_shared<FormulaSource>(
        kTokens, kTokens, [=](Index r, Index c) { return r == 20 && c == 5 ? 1.0F : value; }, causal);
}

struct Shown {
    Board board;

    explicit Shown(bool causal = false)
    {
        board.resize(1200, 480);
        board.show();
        board.setPanes({{"softmax", {}, Kind::Exact, flat(0.5F, causal), {}},
                        {"performer", {}, Kind::Approximation, flat(0.01F, causal), {}},
                        {"error", {}, Kind::Error, flat(-0.2F, causal), {}}});
    }
    bool settle()
    {
        return QTest::qWaitFor([this] { return board.isIdle(); }, 20000);
    }
    /// The colour at a share of the exact pane's map.
    QRgb colorAt(double x, double y)
    {
        const QRect map = board.pane(0)->mapRect();
        return board.pane(0)->grab().toImage().pixel(map.left() + int(x * map.width()), map.top() + int(y * map.height()));
    }
    QWidget* plot(std::size_t at) { return board.pane(at)->childAt(board.pane(at)->mapRect().center()); }
    void drag(std::size_t at, const QPoint& from, const QPoint& to)
    {
        QTest::mousePress(plot(at), Qt::LeftButton, {}, from);
        QTest::mouseMove(plot(at), (from + to) / 2);
        QTest::mouseMove(plot(at), to);
        QTest::mouseRelease(plot(at), Qt::LeftButton, {}, to);
    }
};

} // namespace

class TestCompareModes : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void curtainShowsBothMaps_data()
    {
        QTest::addColumn<bool>("upright");
        QTest::newRow("left and right") << true;
        QTest::newRow("top and bottom") << false;
    }
    void curtainShowsBothMaps()
    {
        QFETCH(bool, upright);
        Shown shown;
        QVERIFY(shown.settle());
        shown.board.setMode(upright ? BoardMode::CurtainVertical : BoardMode::CurtainHorizontal);
        QVERIFY(shown.settle());
        QVERIFY(shown.board.pane(0)->isVisible() && !shown.board.pane(1)->isVisible());
        const QRgb exact = upright ? shown.colorAt(0.25, 0.75) : shown.colorAt(0.75, 0.25);
        const QRgb approximation = shown.colorAt(0.75, 0.75);
        QVERIFY(exact != approximation);
        const QRect map = shown.board.pane(0)->mapRect();
        shown.drag(0, map.center(),
                   upright ? QPoint(map.left() + map.width() * 9 / 10, map.center().y())
                           : QPoint(map.center().x(), map.top() + map.height() * 9 / 10));
        QVERIFY(std::abs(shown.board.pane(0)->compare().split() - 0.9) < 0.02);
        QCOMPARE(shown.colorAt(0.75, 0.75), exact);
        QVERIFY(shown.board.view()->isFitted()); // the drag moved the line, not the map
        shown.board.setMode(BoardMode::SideBySide);
        QVERIFY(shown.settle());
        QCOMPARE(shown.colorAt(0.95, 0.95), exact);
    }

    void blinkAlternates()
    {
        Shown shown;
        QVERIFY(shown.settle());
        shown.board.setMode(BoardMode::Blink);
        QVERIFY(shown.settle());
        const auto& compare = shown.board.pane(0)->compare();
        QVERIFY(QTest::qWaitFor([&] { return compare.showsSecond(); }, 5000));
        const QRgb second = shown.colorAt(0.6, 0.6);
        QVERIFY(QTest::qWaitFor([&] { return !compare.showsSecond(); }, 5000));
        QVERIFY(shown.colorAt(0.6, 0.6) != second);
    }

    void transposedMapsExchangeTheirAxes()
    {
        Shown shown(true);
        QVERIFY(shown.settle());
        const QRgb masked = shown.board.pane(0)->grab().toImage().pixel(shown.board.pane(0)->mapRect().center() + QPoint(40, -40));
        QCOMPARE(masked, shown.colorAt(0.9, 0.2)); // above the diagonal
        shown.board.setTransposed(true);
        QVERIFY(shown.settle());
        const QRect map = shown.board.pane(0)->mapRect();
        const double cell = map.width() / double(kTokens);
        const QPoint bright(map.left() + int(20.5 * cell), map.top() + int(5.5 * cell));
        QCOMPARE(shown.board.pane(0)->cellAt(bright), std::optional(MapCell{20, 5}));
        QVERIFY(shown.colorAt(20.5 / kTokens, 5.5 / kTokens) != shown.colorAt(24.5 / kTokens, 5.5 / kTokens));
        QVERIFY(shown.colorAt(0.8, 0.2) != shown.colorAt(0.2, 0.8)); // now below it
        shown.board.view()->zoomTo({0, 16, 16, 16});                 // keys 0 to 15, queries 16 to 31
        QCOMPARE(shown.board.pane(0)->cellAt(map.topLeft() + QPoint(map.width() * 9 / 10, 4)), std::optional(MapCell{30, 0}));
    }

    void draggingATransposedMapFollowsTheMouse()
    {
        Shown shown;
        shown.board.setTransposed(true);
        QVERIFY(shown.settle());
        shown.board.view()->zoomTo({16, 16, 16, 16});
        const QPoint center = shown.board.pane(1)->mapRect().center();
        const auto cell = shown.board.pane(1)->cellAt(center);
        shown.drag(1, center, center + QPoint(60, 0));
        QCOMPARE(shown.board.pane(1)->cellAt(center + QPoint(60, 0)), cell);
        QCOMPARE(shown.board.view()->rect().left(), 16.0); // keys run down the screen
        QVERIFY(shown.board.view()->rect().top() < 16.0);
    }

    void unlinkedPaneKeepsItsOwnZoom()
    {
        Shown shown;
        QVERIFY(shown.settle());
        auto* chain = shown.board.pane(1)->findChild<ChainButton*>();
        QVERIFY(chain && chain->isChecked());
        chain->click();
        QVERIFY(!shown.board.pane(1)->isLinked());
        shown.board.view()->zoomTo({0, 0, 8, 8});
        const QPoint corner = shown.board.pane(1)->mapRect().bottomRight() - QPoint(2, 2);
        QCOMPARE(shown.board.pane(1)->cellAt(corner), std::optional(MapCell{63, 63}));
        QCOMPARE(shown.board.pane(0)->cellAt(corner), std::optional(MapCell{7, 7}));
        shown.board.fit();
        QCOMPARE(shown.board.pane(0)->cellAt(corner), std::optional(MapCell{63, 63}));
        shown.board.view()->zoomTo({0, 0, 8, 8});
        chain->click();
        QVERIFY(shown.board.pane(1)->isLinked());
        QCOMPARE(shown.board.pane(1)->cellAt(corner), std::optional(MapCell{7, 7}));
    }

    void spacePansInBoxMode()
    {
        Shown shown;
        QVERIFY(shown.settle());
        shown.board.view()->zoomTo({16, 16, 32, 32});
        shown.board.setDragMode(DragMode::Box);
        shown.board.activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&shown.board));
        shown.board.setFocus();
        QVERIFY(shown.board.hasFocus()); // and keeps it, whatever is clicked
        const QPoint center = shown.board.pane(0)->mapRect().center();
        QTest::keyPress(&shown.board, Qt::Key_Space);
        shown.drag(0, center, center + QPoint(50, 50));
        QCOMPARE(shown.board.view()->rect().width(), 32.0);
        QVERIFY(shown.board.view()->rect().left() < 16.0);
        QCOMPARE(shown.plot(0)->focusPolicy(), Qt::NoFocus);
        QTest::keyRelease(&shown.board, Qt::Key_Space);
        shown.drag(0, center, center + QPoint(50, 50));
        QVERIFY(shown.board.view()->rect().width() < 16.0);
    }
};

static const attnscope::tests::RegisterTest<TestCompareModes> registered("test_compare_modes");

#include "test_compare_modes.moc"
