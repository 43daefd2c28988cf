// SPDX-License-Identifier: GPL-3.0-or-later
// Undo and redo: every change has a name, drags are one step, refused inputs are none.
#include "support/opened_window.h"
#include "support/register_test.h"
#include "ui/change_name.h"
#include "ui/head_grid.h"
#include "ui/map_pane.h"
#include "ui/view_state.h"

#include <QDockWidget>
#include <QSignalSpy>
#include <QSlider>
#include <QTemporaryDir>

using namespace attnscope;
using tests::kPatience;
using tests::OpenedWindow;

namespace {

Session twoMethods()
{
    Session session;
    session.input.path = "/data/qkv.npz";
    session.approximations = {{"performer", {{"features", "64"}}, 0}, {"window", {}, 0}};
    return session;
}

} // namespace

class TestUndo : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void changesAreNamed_data()
    {
        QTest::addColumn<std::function<void(Session&)>>("change");
        QTest::addColumn<QString>("name");
        using Change = std::function<void(Session&)>;
        QTest::newRow("parameter") << Change([](Session& s) { s.approximations[0].params[0].second = "128"; }) << "features 64 → 128";
        QTest::newRow("default") << Change([](Session& s) { s.approximations[0].params.clear(); }) << "features 64 → 256";
        QTest::newRow("seed") << Change([](Session& s) { s.approximations[0].seed = 9; }) << "seed 0 → 9";
        QTest::newRow("head") << Change([](Session& s) { s.head.head = 5; }) << "head 0 → 5";
        QTest::newRow("causal") << Change([](Session& s) { s.causal = true; }) << "causal on";
        QTest::newRow("removed") << Change([](Session& s) { s.approximations.pop_back(); }) << "remove Sliding window";
        QTest::newRow("pool") << Change([](Session& s) { s.view.pool = Pool::Mean; }) << "pool max → mean";
        QTest::newRow("pin") << Change([](Session& s) { s.view.pinnedQuery = 193; }) << "pin query 193";
        QTest::newRow("range") << Change([](Session& s) { s.view.range = {0.001, 0.5}; }) << "colour range 0.001 → 0.5";
        QTest::newRow("file") << Change([](Session& s) { s.input.path = "/other/book.txt"; }) << "open book.txt";
        QTest::newRow("zoom") << Change([](Session& s) { s.board.window = {1, 1, 5, 5}; }) << "zoom";
        QTest::newRow("layout") << Change([](Session& s) { s.layout.kind = LayoutKind::Teach; }) << "layout Teach";
    }

    void changesAreNamed()
    {
        QFETCH(std::function<void(Session&)>, change);
        QFETCH(QString, name);
        const Session before = twoMethods();
        Session after = before;
        change(after);
        QCOMPARE(changeName(before, after).text, name);
    }

    void aStepGoesBackAndForth()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        QVERIFY(!opened.stack.canUndo()); // the first input is where the history begins
        const Session first = opened.controller.session();
        opened.controller.edit([](Session& s) { s.view.colorMap = "magma"; });
        opened.controller.edit([](Session& s) { s.approximations[0] = {"window", {{"window", "9"}}, 0}; });
        QVERIFY(opened.settle());
        const Session last = opened.controller.session();
        QCOMPARE(opened.stack.count(), 2);
        opened.stack.undo();
        opened.stack.undo();
        QVERIFY(opened.controller.session() == first);
        QVERIFY(opened.settle());
        QCOMPARE(QString::fromStdString(opened.controller.board().approximations[0].setting.id), QStringLiteral("performer"));
        opened.stack.redo();
        opened.stack.redo();
        QVERIFY(opened.controller.session() == last);
        QVERIFY(opened.settle());
        QCOMPARE(QString::fromStdString(opened.controller.board().approximations[0].setting.id), QStringLiteral("window"));
    }

    void aDragIsOneStep()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        auto* slider = opened.window.findChild<QSlider*>();
        QVERIFY(slider);
        const Session first = opened.controller.session();
        QTest::mousePress(slider, Qt::LeftButton, {}, {1, slider->height() / 2});
        for (const int position : {40, 90, 160, 220}) {
            slider->setValue(position);
            QTest::qWait(10);
        }
        QTest::mouseRelease(slider, Qt::LeftButton, {}, {1, slider->height() / 2});
        QCOMPARE(opened.stack.count(), 1);
        QVERIFY2(opened.stack.undoText().startsWith(QStringLiteral("features 256")), qPrintable(opened.stack.undoText()));
        opened.stack.undo();
        QVERIFY(opened.controller.session() == first);
        QVERIFY(opened.settle());
    }

    void movesOfTheMapAreOneStepAndComeBack()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.board.view()->zoomTo({2, 2, 10, 10});
        QVERIFY(QTest::qWaitFor([&] { return opened.stack.count() == 1; }));
        opened.board.view()->zoomTo({4, 4, 6, 6});
        QVERIFY(QTest::qWaitFor([&] { return opened.controller.session().board.window == MapWindow{4, 4, 6, 6}; }));
        QCOMPARE(opened.stack.count(), 1);
        opened.board.pane(1)->setLinked(false);
        QVERIFY(QTest::qWaitFor([&] { return opened.stack.count() == 2; }));
        opened.stack.undo();
        QVERIFY(opened.board.pane(1)->isLinked());
        opened.stack.undo();
        QVERIFY(opened.board.view()->isFitted());
        opened.stack.redo();
        QCOMPARE(opened.board.view()->rect(), QRectF(4, 4, 6, 6));
    }

    void anotherInputIsAStep()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.board.view()->zoomTo({2, 2, 10, 10});
        QVERIFY(QTest::qWaitFor([&] { return opened.stack.count() == 1; }));
        opened.controller.openText(QStringLiteral("The whale is white. The whale is white."));
        QVERIFY(QTest::qWaitFor([&] { return opened.controller.showsItsInput(); }, kPatience));
        QVERIFY(opened.settle());
        QVERIFY(opened.stack.undoText().contains(QStringLiteral("The whale")));
        opened.stack.undo();
        QVERIFY(QTest::qWaitFor([&] { return opened.controller.showsItsInput(); }, kPatience));
        QVERIFY(opened.settle());
        QCOMPARE(opened.controller.session().input.path, tests::plantedTensors().toStdString());
        QCOMPARE(opened.board.view()->rect(), QRectF(2, 2, 10, 10));
    }

    void panelsAndTheHeadsOrderAreSteps()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        QDockWidget* dock = opened.window.panels().headsDock;
        const bool shown = dock->isVisible();
        dock->toggleViewAction()->trigger();
        QVERIFY(QTest::qWaitFor([&] { return opened.stack.count() == 1; }, kPatience));
        QVERIFY(opened.stack.undoText().contains(dock->windowTitle()));
        HeadGrid* heads = opened.window.panels().heads;
        heads->setOrder(HeadOrder::Entropy);
        QCOMPARE(opened.stack.count(), 2);
        opened.controller.edit([](Session& s) { s.view.colorMap = "magma"; });
        opened.stack.undo();
        opened.stack.undo();
        QCOMPARE(heads->order(), HeadOrder::Place);
        QCOMPARE(dock->isVisible(), !shown);
        opened.stack.undo();
        QCOMPARE(dock->isVisible(), shown);
        opened.stack.redo();
        opened.stack.redo();
        QCOMPARE(dock->isVisible(), !shown);
        QCOMPARE(heads->order(), HeadOrder::Entropy);
        QTest::qWait(100); // nothing of it is taken for a move by hand
        QCOMPARE(opened.stack.count(), 3);
        opened.stack.undo();
        opened.stack.undo();
    }

    void anotherLayoutIsOneStep()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.action(QStringLiteral("Inspect"))->trigger();
        QTest::qWait(100);
        QCOMPARE(opened.stack.count(), 1);
        opened.stack.undo();
        QTest::qWait(100);
        QCOMPARE(opened.stack.count(), 1);
    }

    void aRefusedInputIsNone()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.controller.edit([](Session& s) { s.view.colorMap = "magma"; });
        const Session before = opened.controller.session();
        QSignalSpy rejected(&opened.controller, &SessionController::inputRejected);
        opened.controller.openPath(m_folder.filePath(QStringLiteral("nowhere.npy")));
        QVERIFY(rejected.wait(kPatience));
        QVERIFY(opened.controller.session() == before);
        QCOMPARE(opened.stack.count(), 1);
        QCOMPARE(opened.stack.undoText(), QStringLiteral("colours viridis → magma"));
    }

private:
    QTemporaryDir m_folder;
};

static const attnscope::tests::RegisterTest<TestUndo> registered("test_undo");

#include "test_undo.moc"
