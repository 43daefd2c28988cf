// SPDX-License-Identifier: GPL-3.0-or-later
// How fast the window follows a dragged slider, and how long it is deaf during a sweep: prints the figures, asserts the results.
#include "core/io/atomic_file.h"
#include "core/session/session.h"
#include "support/register_test.h"
#include "test_paths.h"
#include "ui/board.h"
#include "ui/latency_panel.h"
#include "ui/main_window.h"
#include "ui/session_controller.h"

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>

#include <algorithm>

using namespace attnscope;

namespace {

constexpr int kPatience = 120000; // ms

double medianOf(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// The longest time between two turns of the event loop.
class Heartbeat {
public:
    Heartbeat()
    {
        m_clock.start();
        QObject::connect(&m_timer, &QTimer::timeout, &m_timer, [this] {
            const double gap = double(m_clock.nsecsElapsed()) / 1e6;
            m_gaps.push_back(gap);
            m_clock.start();
        });
        m_timer.start(1);
    }
    double longest() const { return *std::max_element(m_gaps.begin(), m_gaps.end()); }
    std::size_t beats() const { return m_gaps.size(); }

private:
    QTimer m_timer;
    QElapsedTimer m_clock;
    std::vector<double> m_gaps;
};

} // namespace

class TestLiveSpeed : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        qputenv("XDG_CONFIG_HOME", m_folder.path().toUtf8()); // settings of the test, not of the user
    }

    void aSliderStepUpdatesMapErrorAndMetrics()
    {
        MainWindow window({&cpuBackend()}, {});
        window.resize(1400, 860);
        window.show();
        QFile sample(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/samples/short_dialogue.txt"));
        QVERIFY(sample.open(QIODevice::ReadOnly));
        const QString text = QString::fromUtf8(sample.readAll());
        auto& controller = window.controller();
        auto* board = window.panels().board;
        controller.openText(text + text.left(text.size() / 4)); // some 256 tokens
        QVERIFY(QTest::qWaitFor([&] { return controller.jobs().idle() && controller.board().exact && board->isIdle(); }, kPatience));
        std::vector<double> times;
        for (int features = 40; features < 80; ++features) {
            const auto before = controller.board().approximations[0].comparison;
            QElapsedTimer clock;
            clock.start();
            controller.edit([&](Session& s) { s.approximations[0].params = {{"features", std::to_string(features)}}; });
            const auto done = [&] {
                const auto& state = controller.board().approximations[0];
                return state.comparison && state.comparison != before && state.metrics && controller.jobs().idle() && board->isIdle();
            };
            while (!done() && clock.elapsed() < kPatience)
                QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
            QVERIFY(done());
            times.push_back(double(clock.nsecsElapsed()) / 1e6);
        }
        QCOMPARE(controller.board().approximations[0].setting.params[0].second, std::string("79"));
        qInfo("slider step at n = %d until map, error and metrics are painted: median %.1f ms, slowest %.1f ms",
              static_cast<int>(controller.board().exact->map->rows()), medianOf(times), *std::max_element(times.begin(), times.end()));
    }

    void theWindowAnswersDuringASweepAndCancelStopsIt()
    {
        MainWindow window({&cpuBackend()}, {});
        window.resize(1400, 860);
        window.show();
        window.open(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/samples/planted_pattern.safetensors"));
        auto& controller = window.controller();
        QVERIFY(QTest::qWaitFor([&] { return controller.jobs().idle() && controller.board().exact.has_value(); }, kPatience));
        auto* latency = window.panels().latency;
        SweepChoice choice;
        choice.to = 65536;
        latency->setChoice(choice);
        Heartbeat heart;
        latency->start();
        QVERIFY(QTest::qWaitFor([&] { return latency->samples().size() >= 20; }, kPatience));
        const double longest = heart.longest();
        QElapsedTimer clock;
        clock.start();
        controller.cancelAll();
        QVERIFY(QTest::qWaitFor([&] { return controller.jobs().idle(); }, kPatience));
        QVERIFY(heart.beats() > 10);
        qInfo("longest turn of the event loop during the sweep: %.1f ms; cancelled after %.1f ms", longest,
              double(clock.nsecsElapsed()) / 1e6);
    }

private:
    QTemporaryDir m_folder;
};

static const attnscope::tests::RegisterTest<TestLiveSpeed> registered("test_live_speed");

#include "test_live_speed.moc"
