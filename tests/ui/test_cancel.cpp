// SPDX-License-Identifier: GPL-3.0-or-later
// What a person cancels says so, shows nothing of what was there before under its new name, and goes on when asked.
#include "support/opened_window.h"
#include "support/register_test.h"
#include "ui/map_pane.h"
#include "ui/metrics_model.h"

#include <QElapsedTimer>

using namespace attnscope;
using tests::OpenedWindow;

namespace {

/// Whatever has been started is cancelled before it could be shown.
bool cancelled(OpenedWindow& opened)
{
    opened.controller.cancelAll();
    return QTest::qWaitFor([&] { return opened.controller.jobs().idle(); }, tests::kPatience);
}

bool goesOn(OpenedWindow& opened)
{
    opened.action(QStringLiteral("Start what waits"))->trigger();
    return opened.settle();
}

const ApproximationState& first(const OpenedWindow& opened) { return opened.controller.board().approximations.front(); }

} // namespace

class TestCancel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void metrics()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.controller.setMeasuredQueries({3});
        QVERIFY(metricsSummary(first(opened)).contains(QStringLiteral("measuring")));
        QVERIFY(cancelled(opened));
        QVERIFY(first(opened).comparison && !first(opened).metrics);
        QVERIFY(metricsSummary(first(opened)).contains(QStringLiteral("Ctrl+R")));
        const auto* table = opened.window.panels().metrics;
        QCOMPARE(table->data(table->index(0, 1), Qt::DisplayRole).toString(), QStringLiteral("–"));
        QVERIFY(goesOn(opened));
        QVERIFY(first(opened).metrics.has_value());
        QCOMPARE(first(opened).metrics->map.rowsRead, Index{1});
        for (const auto& reference : opened.controller.board().references)
            QVERIFY(reference.metrics.has_value());
    }

    void nothingStartsByItselfAfterwards()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.controller.edit([](Session& s) { s.causal = !s.causal.value_or(false); }); // the advice on this head is stale
        QVERIFY(cancelled(opened));
        QVERIFY(opened.controller.rests());
        QTest::qWait(1000); // the advice begins after less
        QVERIFY(opened.controller.jobs().idle());
        QVERIFY(goesOn(opened));
        QVERIFY(!opened.controller.rests());
    }

    void anApproximation()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.controller.edit([](Session& s) { s.approximations[0] = {"window", {{"window", "9"}}, 0}; });
        QVERIFY(cancelled(opened));
        QVERIFY(!first(opened).comparison); // the former method's map
        QVERIFY(first(opened).waits && !first(opened).busy);
        QVERIFY(opened.board.pane(1)->content().message.contains(QStringLiteral("Ctrl+R")));
        QVERIFY(goesOn(opened));
        QVERIFY(first(opened).comparison && first(opened).metrics);
        QCOMPARE(first(opened).setting.id, std::string("window"));
    }

    void theExactMap()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.controller.edit([](Session& s) { s.causal = !s.causal.value_or(false); });
        QVERIFY(cancelled(opened));
        QVERIFY(!opened.controller.board().exact); // the map of what was before
        QVERIFY(opened.board.pane(0)->content().message.contains(QStringLiteral("Ctrl+R")));
        QVERIFY(goesOn(opened));
        QVERIFY(first(opened).metrics.has_value());
    }

    /// Of 16,000 tokens, in the midst of a layer: says how long the window waits for the processor.
    void theModel()
    {
        MainWindow window({&cpuBackend()}, {});
        window.show();
        window.open(tests::sampleFile(QStringLiteral("hamlet_opening.txt")));
        auto& controller = window.controller();
        QVERIFY(QTest::qWaitFor([&] { return controller.board().document != nullptr; }, tests::kPatience));
        controller.edit([&](Session& s) { s.layer = static_cast<Index>(controller.board().document->info().layerNames.size()) - 1; });
        const auto progress = [&] {
            for (const auto& job : controller.jobs().jobs())
                if (job.title.starts_with("Loading layer"))
                    return job.progress;
            return 0.0;
        };
        const auto works = [&] {
            controller.startAllLong(); // where it asks for consent
            return QTest::qWaitFor([&] { return progress() > 0.01; }, 2000);
        };
        QVERIFY(QTest::qWaitFor(works, tests::kPatience));
        QElapsedTimer clock;
        clock.start();
        controller.cancelAll();
        while (!controller.jobs().idle() && clock.elapsed() < tests::kPatience)
            QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
        qInfo("from cancelling to an idle processor: %.1f ms", double(clock.nsecsElapsed()) / 1e6);
        QVERIFY(controller.jobs().idle());
        QVERIFY(!controller.board().layer);
        QVERIFY(window.panels().board->pane(0)->content().message.contains(QStringLiteral("Ctrl+R")));
    }

    void anotherInput()
    {
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.window.open(tests::sampleFile(QStringLiteral("hamlet_opening.txt")));
        QVERIFY(cancelled(opened));
        QVERIFY(opened.settle()); // what was open before
        QVERIFY(opened.controller.showsItsInput());
        QVERIFY(opened.controller.session().input.path.ends_with("planted_pattern.safetensors"));
        QVERIFY(!opened.stack.canUndo());
    }
};

static const attnscope::tests::RegisterTest<TestCancel> registered("test_cancel");

#include "test_cancel.moc"
