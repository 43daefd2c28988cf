// SPDX-License-Identifier: GPL-3.0-or-later
// The window's choice of device and number format, and what it says where a card has no kernel, no memory, or is lost.
#include "support/fake_card.h"
#include "support/opened_window.h"
#include "support/register_test.h"
#include "ui/board_presenter.h"
#include "ui/compute_button.h"
#include "ui/jobs_panel.h"
#include "ui/latency_panel.h"
#include "ui/map_pane.h"

#include <QComboBox>
#include <QDockWidget>
#include <QLabel>
#include <QMenu>
#include <QTextBrowser>

using namespace attnscope;
using attnscope::tests::CardMood;
using attnscope::tests::FakeCard;
using attnscope::tests::OpenedWindow;

namespace {

QAction* choice(OpenedWindow& opened, const QString& begin)
{
    for (QAction* action : opened.window.findChild<ComputeButton*>()->choices().actions())
        if (action->text().startsWith(begin))
            return action;
    return nullptr;
}

QString buttonText(OpenedWindow& opened) { return opened.window.findChild<ComputeButton*>()->text(); }

QString jobsText(OpenedWindow& opened)
{
    QStringList lines;
    for (int i = 0; i < opened.window.panels().jobs->topLevelItemCount(); ++i)
        lines += opened.window.panels().jobs->topLevelItem(i)->text(0) + opened.window.panels().jobs->topLevelItem(i)->text(1);
    return lines.join(QLatin1Char('\n'));
}

QLabel& noticeOf(OpenedWindow& opened) { return *opened.window.findChild<QLabel*>(QStringLiteral("notice")); }

} // namespace

class TestCompute : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void saysWhyThereIsNoCard()
    {
        OpenedWindow opened(tests::plantedTensors(), {&cpuBackend()}, "No NVIDIA GPU was found.");
        QVERIFY(opened.settle());
        QCOMPARE(buttonText(opened), QStringLiteral("f32 · cpu"));
        const QAction* why = choice(opened, QStringLiteral("No NVIDIA GPU"));
        QVERIFY(why != nullptr && !why->isEnabled());
        QVERIFY(!choice(opened, QStringLiteral("f16"))->isEnabled());
        opened.keepPicture(QStringLiteral("no_card"));
        QVERIFY(opened.window.panels().machine->toPlainText().contains(QStringLiteral("No NVIDIA GPU was found.")));
    }

    void computesOnTheChosenCard()
    {
        const FakeCard first(0);
        const FakeCard second(1);
        OpenedWindow opened(tests::plantedTensors(), {&cpuBackend(), &first, &second});
        QVERIFY(opened.settle());
        QCOMPARE(first.mood->runs + second.mood->runs, 0);
        choice(opened, QStringLiteral("cuda:1"))->trigger();
        QVERIFY(opened.settle());
        QCOMPARE(buttonText(opened), QStringLiteral("f32 · cuda:1"));
        QCOMPARE(opened.controller.session().compute.backend, std::string("cuda:1"));
        QVERIFY(second.mood->runs > 0 && second.mood->reads > 0);
        QCOMPARE(first.mood->runs.load(), 0);
        QVERIFY(second.computes(*opened.controller.board().exact->map));
        choice(opened, QStringLiteral("f16"))->trigger();
        QVERIFY(opened.settle());
        QVERIFY((opened.controller.board().exact->mapPlace == Place{"cuda:1", Dtype::F16}));
        QVERIFY(!choice(opened, QStringLiteral("bf16"))->isEnabled()); // these cards have none
        QCOMPARE(opened.stack.undoText(), QStringLiteral("number format f32 → f16"));
        opened.stack.undo();
        QCOMPARE(opened.stack.undoText(), QStringLiteral("device cpu → cuda:1"));
        opened.stack.undo();
        QVERIFY(opened.settle());
        QVERIFY(opened.controller.board().exact->mapPlace == Place{});
        QVERIFY(opened.window.panels().machine->toPlainText().contains(QStringLiteral("Test card 1 (f32, f16)")));
    }

    void theRowUnderThePointerSaysWhatItIsLike()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        QVERIFY(opened.controller.board().rows != nullptr);
        const auto& rows = *opened.controller.board().rows;
        QCOMPARE(rows.rows(), opened.controller.board().exact->map->rows());
        const QString said = hoverText(opened.controller.board(), 5, 2);
        QVERIFY2(said.contains(QStringLiteral("on key %1").arg(rows.topKeys[5 * kTopWeights])), qPrintable(said));
    }

    void differencesAreTheCardsToo()
    {
        const FakeCard card;
        OpenedWindow opened(tests::plantedTensors(), {&cpuBackend(), &card});
        opened.controller.edit([](Session& s) {
            s.compute.backend = "cuda:0";
            s.approximations = {{"linear-elu", {}, 0}};
        });
        QVERIFY(opened.settle());
        QVERIFY(card.computes(*opened.controller.board().approximations.at(0).error));
    }

    void methodsWithoutAKernelSayThatTheCpuRanThem()
    {
        const FakeCard card;
        OpenedWindow opened(tests::plantedTensors(), {&cpuBackend(), &card});
        opened.controller.edit([](Session& s) {
            s.compute.backend = "cuda:0";
            s.approximations = {{"linformer", {}, 0}, {"linear-elu", {}, 0}};
        });
        QVERIFY(opened.settle());
        QVERIFY(opened.board.pane(1)->content().subtitle.startsWith(QStringLiteral("f32 · cpu, not cuda:0")));
        QVERIFY(opened.board.pane(2)->content().subtitle.startsWith(QStringLiteral("f32 · cuda:0")));
        QTRY_VERIFY(jobsText(opened).contains(QStringLiteral("no CUDA kernel")));
        QTRY_VERIFY(noticeOf(opened).isVisible());
        opened.keepPicture(QStringLiteral("without_kernel"));
        QVERIFY(noticeOf(opened).text().contains(QStringLiteral("no CUDA kernel")));
    }

    void troubleIsToldOnceAndCounted()
    {
        const FakeCard card;
        OpenedWindow opened(tests::plantedTensors(), {&cpuBackend(), &card});
        card.mood->memoryEnds = true;
        opened.controller.edit([](Session& s) { s.compute.backend = "cuda:0"; });
        QVERIFY(opened.settle());
        opened.controller.reload();
        QVERIFY(opened.settle());
        QTRY_VERIFY(jobsText(opened).contains(QStringLiteral("2 times")));
        QCOMPARE(jobsText(opened).count(QStringLiteral("doesn't hold one head")), 1);
    }

    void goesOnWithoutALostCard()
    {
        const FakeCard card;
        OpenedWindow opened(tests::plantedTensors(), {&cpuBackend(), &card});
        opened.controller.edit([](Session& s) { s.compute.backend = "cuda:0"; });
        QVERIFY(opened.settle());
        card.mood->lost = true;
        opened.controller.step(0, 1);
        QVERIFY(opened.settle());
        QVERIFY(opened.controller.board().exact.has_value());
        QVERIFY(opened.board.pane(0)->content().subtitle.startsWith(QStringLiteral("f32 · cpu, not cuda:0")));
        QTRY_VERIFY(jobsText(opened).contains(QStringLiteral("failed earlier")));
        opened.window.panels().jobs->parentWidget()->raise();
        opened.keepPicture(QStringLiteral("lost_card"));
    }

    void aSlowRunCanBeCancelled()
    {
        const FakeCard card;
        OpenedWindow opened(tests::plantedTensors(), {&cpuBackend(), &card});
        QVERIFY(opened.settle());
        card.mood->slowMs = tests::kPatience;
        opened.controller.edit([](Session& s) { s.compute.backend = "cuda:0"; });
        QVERIFY(QTest::qWaitFor([&] { return card.mood->runs > 0; }, tests::kPatience));
        opened.controller.cancelAll();
        card.mood->slowMs = 0;
        QVERIFY(QTest::qWaitFor([&] { return opened.controller.jobs().idle(); }, tests::kPatience));
    }

    void sessionsKeepACardThatIsNotHere()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.controller.edit([](Session& s) { s.compute = {"cuda:3", Dtype::F16}; });
        QVERIFY(opened.settle());
        QCOMPARE(buttonText(opened), QStringLiteral("⚠ f16 · cuda:3"));
        QVERIFY(opened.window.findChild<ComputeButton*>()->toolTip().contains(QStringLiteral("no cuda:3")));
        QVERIFY(opened.board.pane(0)->content().subtitle.contains(QStringLiteral("cpu, not cuda:3")));
        QCOMPARE(sessionFromJson(sessionToJson(opened.controller.session()))->compute.backend, std::string("cuda:3"));
    }

    void allDevicesStandOnOnePlot()
    {
        const FakeCard card;
        OpenedWindow opened(tests::plantedTensors(), {&cpuBackend(), &card});
        QVERIFY(opened.settle());
        auto* latency = opened.window.panels().latency;
        SweepChoice wanted;
        wanted.methods = {"softmax", "linear-elu"};
        wanted.to = 256;
        latency->setChoice(wanted);
        auto* device = latency->findChild<QComboBox*>(QStringLiteral("device"));
        device->setCurrentIndex(device->count() - 1);
        latency->start();
        QVERIFY(QTest::qWaitFor([&] { return latency->samples().size() == 12 && opened.controller.jobs().idle(); }, tests::kPatience));
        for (const auto& sample : latency->samples())
            QCOMPARE(sample.backend, std::string(sample.index < 2 ? "cpu" : "cuda:0"));
        QVERIFY(latency->header().contains(QStringLiteral("Test card 0")));
        opened.window.panels().latencyDock->raise();
        opened.keepPicture(QStringLiteral("latency"));
        QTRY_VERIFY(latency->report().contains(QStringLiteral("softmax cpu and softmax cuda:0 cross")));
    }
};

static const attnscope::tests::RegisterTest<TestCompute> registered("test_compute");

#include "test_compute.moc"
