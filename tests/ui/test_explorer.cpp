// SPDX-License-Identifier: GPL-3.0-or-later
// The whole window, offscreen: open a tensor file, move a parameter, step heads, meet a broken file, export a session.
#include "core/io/atomic_file.h"
#include "core/io/npy.h"
#include "support/register_test.h"
#include "test_paths.h"
#include "ui/board.h"
#include "ui/headless_export.h"
#include "ui/main_window.h"
#include "ui/metrics_model.h"
#include "ui/session_controller.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace attnscope;

namespace {

const QString kTensors = QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/samples/planted_pattern.safetensors");
constexpr int kPatience = 60000; // ms; a job takes far less, a busy machine may not

void settle(SessionController& controller)
{
    if (!controller.jobs().idle()) {
        QSignalSpy settled(&controller, &SessionController::settled);
        QVERIFY(settled.wait(kPatience));
    }
}

void openSample(MainWindow& window)
{
    window.open(kTensors);
    settle(window.controller());
}

} // namespace

class TestExplorer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        qputenv("XDG_CONFIG_HOME", m_folder.path().toUtf8()); // settings of the test, not of the user
    }

    void opensTensorsAndShowsThreePanes()
    {
        MainWindow window({&cpuBackend()}, {});
        openSample(window);
        const auto& board = window.controller().board();
        QVERIFY(board.exact.has_value());
        QCOMPARE(board.approximations.size(), std::size_t(1));
        QVERIFY(board.approximations[0].metrics.has_value());
        QVERIFY(board.approximations[0].error != nullptr);
        QCOMPARE(window.panels().board->paneCount(), std::size_t(3));
        QCOMPARE(window.panels().metrics->rowCount(), 3); // and the lines uniform and best rank r
        const auto error = board.approximations[0].error->cell(5, 3);
        const auto exact = board.exact->map->cell(5, 3);
        const auto approximation = board.approximations[0].comparison->approximation.map->cell(5, 3);
        QCOMPARE(*error, *approximation - *exact);
    }

    void aParameterRecomputesItsApproximationOnly()
    {
        MainWindow window({&cpuBackend()}, {});
        openSample(window);
        auto& controller = window.controller();
        const auto exact = controller.board().exact->map;
        const double before = controller.board().approximations[0].metrics->map.relFrobenius;
        for (const char* features : {"8", "16", "24", "32"})
            controller.edit([features](Session& s) { s.approximations[0].params = {{"features", features}}; });
        settle(controller);
        QCOMPARE(controller.board().exact->map, exact);
        QCOMPARE(controller.board().approximations[0].setting.params[0].second, std::string("32"));
        QVERIFY(controller.board().approximations[0].metrics->map.relFrobenius != before);
    }

    void aSecondApproximationJoinsTheBoard()
    {
        MainWindow window({&cpuBackend()}, {});
        openSample(window);
        auto& controller = window.controller();
        controller.edit([](Session& s) { s.approximations.push_back({"window", {{"window", "200"}}, 0}); });
        settle(controller);
        QCOMPARE(window.panels().board->paneCount(), std::size_t(5));
        QVERIFY(controller.board().approximations[1].metrics->map.relFrobenius < 1e-5); // a window over everything is exact
    }

    void methodsWithoutACausalFormCompareBidirectionally()
    {
        MainWindow window({&cpuBackend()}, {});
        openSample(window);
        auto& controller = window.controller();
        controller.edit([](Session& s) {
            s.causal = true;
            s.approximations[0] = {"linformer", {{"rank", "16"}}, 0};
        });
        settle(controller);
        const auto& state = controller.board().approximations[0];
        QVERIFY(state.comparison != nullptr);
        QVERIFY(state.comparison->change.madeBidirectional);
        QVERIFY(!state.comparison->exact.causal);
        QVERIFY(metricsSummary(state).contains(QStringLiteral("bidirectionally")));
    }

    void keysStepThroughHeads()
    {
        MainWindow window({&cpuBackend()}, {});
        openSample(window);
        auto& controller = window.controller();
        controller.step(0, 1);
        QCOMPARE(controller.session().head.head, Index(1));
        controller.step(0, 1000);
        QCOMPARE(controller.session().head.head, controller.board().document->info().heads - 1);
        controller.step(0, -1000);
        QCOMPARE(controller.session().head.head, Index(0));
        settle(controller);
    }

    void aBrokenFileGivesOneSentenceAndKeepsTheBoard()
    {
        MainWindow window({&cpuBackend()}, {});
        openSample(window);
        const QString path = m_folder.filePath(QStringLiteral("broken.safetensors"));
        QVERIFY(writeAtomically(path.toStdString(), "\xff\xff\xff\xff\xff\xff\xff\x7f").ok());
        SessionController& controller = window.controller();
        const auto exact = controller.board().exact->map;
        QSignalSpy failed(&controller, &SessionController::failed);
        controller.openPath(path);
        QVERIFY(failed.count() > 0 || failed.wait(kPatience));
        QCOMPARE(failed.count(), 1);
        QVERIFY(failed[0][0].toString().endsWith(QLatin1Char('.')));
        QVERIFY(!failed[0][1].toString().isEmpty());
        QCOMPARE(controller.board().exact->map, exact);
        QCOMPARE(controller.session().input.path, kTensors.toStdString()); // and a session saved now names what is shown
    }

    void rendersASessionWithoutAWindow()
    {
        const QString session = m_folder.filePath(QStringLiteral("session.json"));
        QVERIFY(writeAtomically(session.toStdString(),
                                R"({"attnscopeSession": 1, "input": {"path": ")" + kTensors.toStdString() +
                                    R"("}, "head": 1, "approximations": [{"id": "performer", "parameters": {"features": 32}}],
                                                           "view": {"pinnedQuery": 20}})")
                    .ok());
        const QString out = m_folder.filePath(QStringLiteral("out"));
        const auto written = renderSession(session, out);
        QVERIFY2(written.ok(), written.ok() ? "" : written.error().what.c_str());
        for (const char* name :
             {"board.png", "board.svg", "board.pdf", "row.png", "exact.csv", "performer.csv", "performer_error.csv", "metrics.csv"})
            QVERIFY2(QFileInfo(out + QLatin1Char('/') + QLatin1String(name)).size() > 0, name);
        QFile csv(out + QStringLiteral("/exact.csv"));
        QVERIFY(csv.open(QIODevice::ReadOnly));
        const auto rows = csv.readAll().trimmed().split('\n');
        double sum = 0.0;
        for (const auto& cell : rows[7].split(','))
            sum += cell.toDouble();
        QVERIFY(std::abs(sum - 1.0) < 1e-5);
    }

    void aMissingSessionIsNamed()
    {
        const auto written = renderSession(m_folder.filePath(QStringLiteral("nowhere.json")), m_folder.filePath(QStringLiteral("none")));
        QVERIFY(!written.ok());
        QVERIFY(written.error().what.find("nowhere.json") != std::string::npos);
        QVERIFY(!QFileInfo::exists(m_folder.filePath(QStringLiteral("none"))));
    }

private:
    QTemporaryDir m_folder;
};

static const attnscope::tests::RegisterTest<TestExplorer> registered("test_explorer");

#include "test_explorer.moc"
