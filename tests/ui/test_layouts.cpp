// SPDX-License-Identifier: GPL-3.0-or-later
// Layouts, docks and panes that leave the window: each arrangement, back again, kept between starts.
#include "support/opened_window.h"
#include "support/register_test.h"
#include "ui/map_pane.h"
#include "ui/view_state.h"

#include <QApplication>
#include <QDockWidget>
#include <QTemporaryDir>

using namespace attnscope;
using tests::OpenedWindow;

namespace {

QStringList visibleDocks(const OpenedWindow& opened)
{
    QStringList names;
    for (const QDockWidget* dock : opened.window.findChildren<QDockWidget*>())
        if (!dock->isHidden())
            names += dock->objectName();
    names.sort();
    return names;
}

QDockWidget* dock(const OpenedWindow& opened, const char* name) { return opened.window.findChild<QDockWidget*>(QLatin1String(name)); }

} // namespace

class TestLayouts : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        qputenv("XDG_CONFIG_HOME", m_folder->path().toUtf8()); // each test starts as a new user
    }

    void eachLayoutHasItsDocksAndBoard()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        const QStringList compare = visibleDocks(opened);
        const QFont font = QApplication::font();
        opened.action(QStringLiteral("Inspect"))->trigger();
        QCOMPARE(opened.board.mode(), BoardMode::Exact);
        QVERIFY(visibleDocks(opened).contains(QStringLiteral("inputDock")));
        QVERIFY(!visibleDocks(opened).contains(QStringLiteral("latencyDock")));
        opened.action(QStringLiteral("Measure"))->trigger();
        QCOMPARE(visibleDocks(opened),
                 QStringList({QStringLiteral("latencyDock"), QStringLiteral("methodsDock"), QStringLiteral("theoryDock")}));
        QCOMPARE(opened.window.tabifiedDockWidgets(dock(opened, "theoryDock")), QList<QDockWidget*>{dock(opened, "methodsDock")});
        opened.action(QStringLiteral("Teach"))->trigger();
        QCOMPARE(opened.board.mode(), BoardMode::Approximation);
        QCOMPARE(visibleDocks(opened), QStringList({QStringLiteral("helpDock"), QStringLiteral("methodsDock")}));
        QVERIFY(QApplication::font().pointSizeF() >= 18.0);
        opened.action(QStringLiteral("Compare"))->trigger();
        QCOMPARE(visibleDocks(opened), compare);
        QCOMPARE(QApplication::font(), font);
        QCOMPARE(opened.stack.count(), 4);
        opened.stack.undo();
        QVERIFY(opened.action(QStringLiteral("Teach"))->isChecked());
        opened.stack.redo();
        QCOMPARE(visibleDocks(opened), compare);
    }

    void anArrangementIsKeptAndReset()
    {
        QStringList compare;
        {
            OpenedWindow opened;
            compare = visibleDocks(opened);
            dock(opened, "headsDock")->hide();
            opened.action(QStringLiteral("Measure"))->trigger();
            dock(opened, "methodsDock")->hide();
            opened.window.close();
        }
        OpenedWindow again;
        QVERIFY(again.action(QStringLiteral("Measure"))->isChecked());
        QVERIFY(dock(again, "methodsDock")->isHidden());
        again.action(QStringLiteral("Reset layout"))->trigger();
        QVERIFY(!dock(again, "methodsDock")->isHidden());
        QVERIFY(again.settle());
        again.action(QStringLiteral("Compare"))->trigger();
        QVERIFY(dock(again, "headsDock")->isHidden());
        again.action(QStringLiteral("Reset layout"))->trigger();
        QCOMPARE(visibleDocks(again), compare);
    }

    void aSmallWindowHasOneColumnOfDocks()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.action(QStringLiteral("Compare"))->trigger();
        opened.action(QStringLiteral("Reset layout"))->trigger();
        QVERIFY(!opened.window.tabifiedDockWidgets(dock(opened, "inputDock")).contains(dock(opened, "methodsDock")));
        opened.window.resize(788, 452); // a screen of 1600 x 1000 at twice the scale
        QCOMPARE(opened.window.width(), 788);
        opened.action(QStringLiteral("Reset layout"))->trigger();
        QVERIFY(opened.window.tabifiedDockWidgets(dock(opened, "inputDock")).contains(dock(opened, "methodsDock")));
        QTest::qWait(50);
        opened.window.resize(788, 452); // with all its docks it was higher
        QTest::qWait(50);
        QCOMPARE(opened.window.size(), QSize(788, 452));
        QVERIFY(opened.board.width() >= opened.window.width() / 2);
        for (const char* layout : {"Inspect", "Measure", "Compare"}) {
            opened.action(QLatin1String(layout))->trigger();
            QTest::qWait(50);
            QVERIFY(opened.window.width() <= 788 && opened.window.height() <= 470); // of 800 x 500, less a frame
        }
    }

    void resettingIsAStep()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        QTest::qWait(0);
        const QStringList compare = visibleDocks(opened);
        opened.action(QStringLiteral("Reset layout"))->trigger(); // nothing to put back
        const int steps = opened.stack.count();
        dock(opened, "methodsDock")->toggleViewAction()->trigger();
        QVERIFY(QTest::qWaitFor([&] { return opened.stack.count() == steps + 1; }));
        opened.controller.edit([](Session& s) { s.board.mode = BoardMode::Blink; });
        opened.action(QStringLiteral("Reset layout"))->trigger();
        QCOMPARE(opened.stack.count(), steps + 3);
        QCOMPARE(opened.stack.undoText(), QStringLiteral("reset layout"));
        QCOMPARE(visibleDocks(opened), compare);
        QCOMPARE(opened.board.mode(), BoardMode::SideBySide);
        opened.stack.undo();
        QVERIFY(dock(opened, "methodsDock")->isHidden());
        QCOMPARE(opened.board.mode(), BoardMode::Blink);
        opened.stack.redo();
        QCOMPARE(visibleDocks(opened), compare);
        QCOMPARE(opened.board.mode(), BoardMode::SideBySide);
        QTest::qWait(200); // what docks tell later is no step
        QCOMPARE(opened.stack.count(), steps + 3);
        QVERIFY(!opened.stack.canRedo());
    }

    void everyDockFloatsAndComesBack()
    {
        OpenedWindow opened;
        const auto docks = opened.window.findChildren<QDockWidget*>();
        QVERIFY(docks.size() >= 9);
        for (QDockWidget* dock : docks) {
            QVERIFY(dock->features().testFlag(QDockWidget::DockWidgetFloatable));
            QVERIFY(dock->features().testFlag(QDockWidget::DockWidgetMovable));
            QVERIFY(!dock->objectName().isEmpty()); // or it isn't kept between starts
            dock->show();
            dock->setFloating(true);
            QVERIFY(dock->isWindow());
            dock->setFloating(false);
            QVERIFY(!dock->isWindow());
        }
    }

    void aPaneLeavesTheBoardAndComesBack()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        MapPane* pane = opened.board.pane(1);
        const QRect place = pane->geometry();
        opened.board.setDetached(1, true, QRect(50, 60, 500, 520));
        QVERIFY(pane->isWindow() || pane->window() != &opened.window);
        QVERIFY(QTest::qWaitFor([&] { return pane->width() == 500; }));
        QVERIFY(opened.board.pane(0)->width() > place.width()); // the others take its room
        opened.board.view()->zoomTo({2, 2, 10, 10});
        QCOMPARE(pane->view()->rect(), QRectF(2, 2, 10, 10)); // still linked
        QVERIFY(QTest::qWaitFor([&] { return opened.controller.session().board.panes.size() == 1; }));
        QVERIFY(opened.controller.session().board.panes[0].ownWindow.has_value());
        auto* window = pane->window();
        QVERIFY(window->actions().contains(opened.action(QStringLiteral("Fit map")))); // keys work there too
        window->close();
        QCOMPARE(pane->window(), &opened.window);
        QCOMPARE(pane->geometry(), place);
        opened.board.setDetached(2, true);
        opened.controller.edit([](Session& s) { s.approximations.clear(); }); // its pane goes with its window
        QVERIFY(opened.settle());
        QCOMPARE(opened.board.paneCount(), std::size_t(1));
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

static const attnscope::tests::RegisterTest<TestLayouts> registered("test_layouts");

#include "test_layouts.moc"
