// SPDX-License-Identifier: GPL-3.0-or-later
// The linked panes: one zoom, one cursor cell, shared colours, pictures that never go blank.
#include "core/scores/tile_pyramid.h"
#include "support/register_test.h"
#include "support/synthetic_source.h"
#include "ui/board.h"
#include "ui/map_pane.h"
#include "ui/plot_theme.h"
#include "ui/view_state.h"

#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>

#include <cmath>

using namespace attnscope;
using tests::FormulaSource;
using Kind = PaneContent::Kind;

namespace {

std::shared_ptr<const ScoreSource> ramp(Index n, float peak, float low = 0.001F)
{
    return std::make_shared<FormulaSource>(
        n, n, [=](Index r, Index c) { return low + (peak - low) * static_cast<float>(r * n + c) / static_cast<float>(n * n - 1); });
}

std::vector<PaneContent> threePanes(Index n, float peak = 0.5F)
{
    return {{"softmax", "f32 · cpu", Kind::Exact, ramp(n, 0.5F), {}},
            {"performer", "features=256", Kind::Approximation, ramp(n, peak), {}},
            {"error", "", Kind::Error, ramp(n, 0.3F, -0.1F), {}}};
}

void wheel(MapPane* pane, const QPoint& at, int turns, Qt::KeyboardModifiers modifiers = Qt::NoModifier)
{
    QWidget* plot = pane->childAt(at);
    QWheelEvent event(at, plot->mapToGlobal(at), {}, {0, 120 * turns}, Qt::NoButton, modifiers, Qt::NoScrollPhase, false);
    QCoreApplication::sendEvent(plot, &event);
}

void moveTo(MapPane* pane, const QPoint& at) { QTest::mouseMove(pane->childAt(at), at); }

struct Shown {
    Board board;

    explicit Shown(std::vector<PaneContent> panes, QSize size = {1200, 480})
    {
        board.resize(size);
        board.show();
        board.setPanes(std::move(panes));
    }
    bool settle()
    {
        return QTest::qWaitFor([this] { return board.isIdle(); }, 20000);
    }
};

} // namespace

class TestBoard : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void cellUnderTheCursorIsTheSameInAllPanes()
    {
        Shown shown(threePanes(256));
        QVERIFY(shown.settle());
        MapPane* first = shown.board.pane(0);
        const QPoint at = first->mapRect().topLeft() + QPoint(97, 61);
        for (int i = 0; i < 12; ++i) {
            wheel(first, at, i == 7 ? -1 : 1, i == 4 ? Qt::ShiftModifier : i == 5 ? Qt::AltModifier : Qt::NoModifier);
            QVERIFY(first->cellAt(at).has_value());
            for (std::size_t p = 1; p < 3; ++p) {
                MapPane* other = shown.board.pane(p);
                QCOMPARE(other->mapRect().size(), first->mapRect().size());
                const QPoint same = other->mapRect().topLeft() + (at - first->mapRect().topLeft());
                QCOMPARE(other->cellAt(same), first->cellAt(at));
            }
        }
        QVERIFY(!shown.board.view()->isFitted());
    }

    void wheelKeepsTheCellUnderTheCursor()
    {
        Shown shown(threePanes(512));
        MapPane* pane = shown.board.pane(1);
        const QPoint at = pane->mapRect().topLeft() + QPoint(40, 200);
        const auto before = pane->cellAt(at);
        for (int i = 0; i < 15; ++i)
            wheel(pane, at, 1);
        const auto after = pane->cellAt(at);
        QVERIFY(before && after);
        QVERIFY(std::abs(before->query - after->query) <= 1 && std::abs(before->key - after->key) <= 1);
    }

    void hoverClickAndKeys()
    {
        Shown shown(threePanes(64));
        QVERIFY(shown.settle());
        QSignalSpy hovered(&shown.board, &Board::hovered);
        QSignalSpy pinned(&shown.board, &Board::pinned);
        QSignalSpy unpinned(&shown.board, &Board::unpinned);
        MapPane* pane = shown.board.pane(2);
        const QPoint at = pane->mapRect().center();
        const auto cell = pane->cellAt(at);
        moveTo(pane, at);
        QTRY_VERIFY(!hovered.isEmpty());
        QCOMPARE(hovered.last().at(0).value<Index>(), cell->query);
        QCOMPARE(hovered.last().at(1).value<Index>(), cell->key);
        QCOMPARE(shown.board.cursorCell(), cell);
        QTest::mouseClick(pane->childAt(at), Qt::LeftButton, Qt::NoModifier, at);
        QCOMPARE(pinned.size(), 1);
        QCOMPARE(shown.board.pinnedCell(), cell);
        QTest::keyClick(&shown.board, Qt::Key_Escape);
        QCOMPARE(unpinned.size(), 1);
        QVERIFY(!shown.board.pinnedCell());
        wheel(pane, at, 3);
        QVERIFY(!shown.board.view()->isFitted());
        const QRectF zoomed = shown.board.view()->rect();
        QTest::keyClick(&shown.board, Qt::Key_Home);
        QVERIFY(shown.board.view()->isFitted());
        QTest::keyClick(&shown.board, Qt::Key_Backspace);
        QCOMPARE(shown.board.view()->rect(), zoomed);
    }

    void dragPansAndCtrlDragZooms()
    {
        Shown shown(threePanes(128));
        MapPane* pane = shown.board.pane(0);
        QWidget* plot = pane->childAt(pane->mapRect().center());
        const QPoint from = pane->mapRect().topLeft() + QPoint(50, 50);
        const QPoint to = from + QPoint(60, 60);
        QTest::mousePress(plot, Qt::LeftButton, Qt::ControlModifier, from);
        QTest::mouseMove(plot, to);
        QTest::mouseRelease(plot, Qt::LeftButton, Qt::ControlModifier, to);
        const QRectF boxed = shown.board.view()->rect();
        const double cells = 128.0 / pane->mapRect().width();
        QVERIFY(std::abs(boxed.left() - 50 * cells) < cells * 1.5);
        QVERIFY(std::abs(boxed.width() - 60 * cells) < cells * 1.5);
        QVERIFY(std::abs(boxed.width() - boxed.height()) < 1e-6); // cells stay square
        QTest::mousePress(plot, Qt::LeftButton, Qt::NoModifier, to);
        QTest::mouseMove(plot, from);
        QTest::mouseRelease(plot, Qt::LeftButton, Qt::NoModifier, from);
        QVERIFY(shown.board.view()->rect().left() > boxed.left());
        QVERIFY(!shown.board.pinnedCell()); // a drag is no click
        QTest::mouseDClick(plot, Qt::LeftButton, Qt::NoModifier, from);
        QVERIFY(shown.board.view()->isFitted());
    }

    void shiftClickPinsMore()
    {
        Shown shown(threePanes(128));
        QVERIFY(shown.settle());
        QSignalSpy pinned(&shown.board, &Board::pinned);
        MapPane* pane = shown.board.pane(1);
        const QPoint at = pane->mapRect().topLeft();
        std::vector<MapCell> clicked;
        const auto click = [&](int step, Qt::KeyboardModifiers modifiers) {
            const QPoint pos = at + QPoint(20, 20) * step;
            QTest::mouseClick(pane->childAt(pos), Qt::LeftButton, modifiers, pos);
            clicked.push_back(*pane->cellAt(pos));
        };
        for (int step = 1; step <= 5; ++step)
            click(step, step == 1 ? Qt::NoModifier : Qt::ShiftModifier);
        QCOMPARE(pinned.size(), 5);
        QCOMPARE(shown.board.pins(), std::vector<MapCell>(clicked.begin() + 1, clicked.end())); // the oldest made room
        click(4, Qt::ShiftModifier);
        QCOMPARE(shown.board.pins(), (std::vector<MapCell>{clicked[1], clicked[2], clicked[4]}));
        click(7, Qt::NoModifier);
        QCOMPARE(shown.board.pins(), std::vector<MapCell>{clicked.back()});
    }

    void ctrlShiftAndCtrlAltDragZoomOneAxis_data()
    {
        QTest::addColumn<Qt::KeyboardModifiers>("modifiers");
        QTest::addColumn<bool>("transposed");
        QTest::addColumn<bool>("keys"); // which are zoomed
        QTest::newRow("keys") << Qt::KeyboardModifiers(Qt::ControlModifier | Qt::ShiftModifier) << false << true;
        QTest::newRow("queries") << Qt::KeyboardModifiers(Qt::ControlModifier | Qt::AltModifier) << false << false;
        QTest::newRow("keys, transposed") << Qt::KeyboardModifiers(Qt::ControlModifier | Qt::ShiftModifier) << true << true;
        QTest::newRow("queries, transposed") << Qt::KeyboardModifiers(Qt::ControlModifier | Qt::AltModifier) << true << false;
    }

    void ctrlShiftAndCtrlAltDragZoomOneAxis()
    {
        QFETCH(Qt::KeyboardModifiers, modifiers);
        QFETCH(bool, transposed);
        QFETCH(bool, keys);
        Shown shown(threePanes(128));
        shown.board.setTransposed(transposed);
        MapPane* pane = shown.board.pane(0);
        QWidget* plot = pane->childAt(pane->mapRect().center());
        const QPoint from = pane->mapRect().topLeft() + QPoint(50, 30);
        const QPoint to = from + QPoint(60, 90);
        QTest::mousePress(plot, Qt::LeftButton, modifiers, from);
        QMouseEvent move(QEvent::MouseMove, to, plot->mapToGlobal(to), Qt::NoButton, Qt::LeftButton, modifiers);
        QCoreApplication::sendEvent(plot, &move);
        QTest::mouseRelease(plot, Qt::LeftButton, modifiers, to);
        const QRectF view = shown.board.view()->rect();
        const double cells = 128.0 / pane->mapRect().width();
        const int dragged = keys == transposed ? 90 : 60; // along the screen axis of what is zoomed
        QVERIFY(std::abs((keys ? view.width() : view.height()) - dragged * cells) < 1.5 * cells);
        QCOMPARE(keys ? view.height() : view.width(), 128.0);
    }

    void aNarrowBoardKeepsTheSelectedApproximation()
    {
        auto panes = threePanes(64);
        panes.insert(panes.begin() + 2, 2, panes[1]);
        panes.insert(panes.end(), 2, panes[4]);
        Shown shown(panes, {420, 300});
        shown.board.setSelectedApproximation(2);
        for (std::size_t i = 0; i < panes.size(); ++i) // exact, three approximations, three errors
            QCOMPARE(shown.board.pane(i)->isHidden(), i != 0 && i != 3 && i != 6);
        shown.board.resize(1200, 480);
        for (std::size_t i = 0; i < panes.size(); ++i) {
            QVERIFY(!shown.board.pane(i)->isHidden());
            for (std::size_t other = 0; other < i; ++other)
                QVERIFY(!shown.board.pane(i)->geometry().intersects(shown.board.pane(other)->geometry()));
        }
    }

    void exactAndApproximationShareOneScale()
    {
        Shown shown(threePanes(100, 0.8F));
        QVERIFY(shown.settle());
        QCOMPARE(shown.board.pane(0)->scale(), shown.board.pane(1)->scale());
        QCOMPARE(shown.board.pane(0)->scale().high, double(0.8F));
        const ColorScale error = shown.board.pane(2)->scale();
        QVERIFY(error.map->diverging);
        QCOMPARE(error.low, -error.high);
        QCOMPARE(error.high, double(0.3F));
        shown.board.setNormalisation(Normalisation::Linear);
        QVERIFY(shown.board.pane(1)->scale().normalisation == Normalisation::Linear);
        shown.board.setRange(std::pair(0.0, 0.25));
        QCOMPARE(shown.board.pane(0)->scale().high, 0.25);
    }

    void signedApproximationsGetAScaleOfTheirOwn()
    {
        auto panes = threePanes(64);
        panes[1].source = ramp(64, 0.4F, -0.2F);
        Shown shown(panes);
        QVERIFY(shown.settle());
        const ColorScale own = shown.board.pane(1)->scale();
        QVERIFY(own.map->diverging);
        QCOMPARE(own.low, -own.high);
        QVERIFY(std::abs(own.high - 0.4) < 1e-6);
        QCOMPARE(shown.board.pane(0)->scale().high, 0.5);
    }

    // Max pooling would hide that an implied map is signed: a few negative cells among 700 x 700.
    void negativeWeightsAreFoundInALargeMap()
    {
        auto panes = threePanes(700);
        panes[1].source = std::make_shared<FormulaSource>(700, 700, [](Index, Index c) { return c % 9 == 4 ? -0.3F : 0.1F; });
        Shown shown(panes);
        QVERIFY(shown.settle());
        QTRY_VERIFY(shown.board.pane(1)->pyramid()->pool() == Pool::Extreme);
        QVERIFY(shown.settle());
        QVERIFY(shown.board.pane(1)->scale().map->diverging);
        QVERIFY(std::abs(shown.board.pane(1)->scale().low + 0.3) < 1e-6);
    }

    // While a slider moves, the colours of the other panes hold still until the new values are there.
    void scaleHoldsStillWhileASourceIsReplaced()
    {
        Shown shown(threePanes(256, 0.9F));
        QVERIFY(shown.settle());
        const ColorScale before = shown.board.pane(0)->scale();
        shown.board.setPanes(threePanes(256, 0.9F));
        QCOMPARE(shown.board.pane(0)->scale(), before);
        QVERIFY(shown.settle());
        QCOMPARE(shown.board.pane(0)->scale(), before);
    }

    void replacingASourceKeepsZoomAndNeverGoesBlank()
    {
        Shown shown(threePanes(256));
        QVERIFY(shown.settle());
        MapPane* pane = shown.board.pane(1);
        wheel(pane, pane->mapRect().center(), 4);
        QVERIFY(shown.settle());
        const QRectF view = shown.board.view()->rect();
        const QPoint inside = pane->mapRect().center();
        const QRgb empty = plotTheme(pane->palette()).empty.rgb();
        for (int i = 0; i < 20; ++i) {
            shown.board.setPanes(threePanes(256, 0.5F + 0.01F * static_cast<float>(i)));
            for (int turn = 0; turn < 5; ++turn) {
                const QImage grabbed = shown.board.grab().toImage();
                QVERIFY(grabbed.pixel(pane->mapTo(&shown.board, inside)) != empty);
                QCoreApplication::processEvents();
            }
        }
        QVERIFY(shown.settle());
        QCOMPARE(shown.board.view()->rect(), view);
    }

    void picturesShowTheValues()
    {
        Shown shown(threePanes(50));
        shown.board.setNormalisation(Normalisation::Linear);
        shown.board.setColorMap("grey");
        QVERIFY(shown.settle());
        QTest::qWait(20);
        MapPane* pane = shown.board.pane(0);
        const QImage grabbed = pane->grab().toImage();
        for (const QPointF part : {QPointF(0.21, 0.11), QPointF(0.93, 0.51), QPointF(0.53, 0.97)}) {
            const QRect map = pane->mapRect();
            const QPoint at = map.topLeft() + QPoint(int(part.x() * map.width()), int(part.y() * map.height()));
            const auto cell = pane->cellAt(at);
            const float value = *pane->content().source->cell(cell->query, cell->key);
            const Rgb expected = pane->scale().color(value);
            QCOMPARE(qGreen(grabbed.pixel(at)), int(expected.g));
        }
    }

    void messagesStandInForMaps()
    {
        auto panes = threePanes(64);
        panes[1].source = nullptr;
        panes[1].message = "Linformer has no causal form.";
        panes[2].source = nullptr;
        Shown shown(panes);
        QVERIFY(shown.settle());
        QSignalSpy hovered(&shown.board, &Board::hovered);
        moveTo(shown.board.pane(1), shown.board.pane(1)->mapRect().center());
        QCOMPARE(hovered.size(), 0);
        QVERIFY(!shown.board.pane(1)->grab().isNull());
    }

    void modesShowOnePaneAtFullSize()
    {
        Shown shown(threePanes(64));
        const auto visible = [&] {
            QString which;
            for (std::size_t i = 0; i < 3; ++i)
                which += shown.board.pane(i)->isVisible() ? QLatin1Char("ABD"[i]) : QLatin1Char('-');
            return which;
        };
        QCOMPARE(visible(), QString("ABD"));
        shown.board.toggleMode(BoardMode::Approximation);
        QCOMPARE(visible(), QString("-B-"));
        QCOMPARE(shown.board.pane(1)->size(), shown.board.size());
        shown.board.toggleMode(BoardMode::Difference);
        QCOMPARE(visible(), QString("--D"));
        shown.board.toggleMode(BoardMode::Exact);
        QCOMPARE(visible(), QString("A--"));
        shown.board.toggleMode(BoardMode::Exact);
        QCOMPARE(visible(), QString("ABD"));
    }

    void errorsStandBelowTheirApproximations()
    {
        auto panes = threePanes(64);
        panes.insert(panes.begin() + 2, panes[1]);
        panes.push_back(panes[3]);
        Shown shown(panes, {1200, 900});
        QCOMPARE(shown.board.paneCount(), std::size_t(5));
        QCOMPARE(shown.board.pane(3)->x(), shown.board.pane(1)->x());
        QCOMPARE(shown.board.pane(4)->x(), shown.board.pane(2)->x());
        QVERIFY(shown.board.pane(3)->y() > shown.board.pane(1)->y());
        for (std::size_t i = 1; i < 5; ++i)
            QCOMPARE(shown.board.pane(i)->size(), shown.board.pane(0)->size());
        shown.board.setPanes(threePanes(64));
        QCOMPARE(shown.board.paneCount(), std::size_t(3));
    }

    void manyTokens()
    {
        const Index n = 100000;
        const std::set<std::pair<Index, Index>> bright{{n - 1, n - 1}};
        Shown shown({{"softmax", "", Kind::Exact, std::make_shared<tests::BrightSource>(n, bright), {}}}, {500, 560});
        shown.board.setTokens(QStringList(n, "whale"));
        shown.board.view()->zoomTo({double(n - 8), double(n - 8), 8, 8});
        QVERIFY(shown.settle());
        MapPane* pane = shown.board.pane(0);
        const QPoint corner = pane->mapRect().bottomRight() - QPoint(3, 3);
        QCOMPARE(pane->cellAt(corner), std::optional(MapCell{n - 1, n - 1}));
    }
};

static const attnscope::tests::RegisterTest<TestBoard> registered("test_board");

#include "test_board.moc"
