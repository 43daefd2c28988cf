// SPDX-License-Identifier: GPL-3.0-or-later
// Advice on the shown head and the theory of the selected approximation, in their panels and in the window.
#include "support/register_test.h"
#include "test_paths.h"
#include "ui/advice_panel.h"
#include "ui/main_window.h"
#include "ui/session_controller.h"
#include "ui/theory_figure.h"
#include "ui/theory_panel.h"

#include <QDockWidget>
#include <QListWidget>
#include <QSignalSpy>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>

using namespace attnscope;

namespace {

constexpr int kPatience = 120000; // ms; a busy machine may need long

TheoryCurve curve(TheoryKind kind, std::vector<double> x, std::vector<double> predicted, std::vector<double> measured)
{
    return {"A bound",    "Author 2020",        "relative error",    "features", kind,
            std::move(x), std::move(predicted), std::move(measured), "It holds."};
}

/// The window on the tensor sample.
struct Opened {
    MainWindow window{{&cpuBackend()}, {}};
    AdvicePanel* advice = window.panels().advice;
    TheoryPanel* theory = window.panels().theory;
    SessionController& controller = window.controller();

    Opened()
    {
        window.resize(1200, 800);
        window.show();
        window.open(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/samples/planted_pattern.safetensors"));
    }
    bool waitForAdvice()
    {
        return QTest::qWaitFor([this] { return advice->advice() != nullptr; }, kPatience);
    }
};

} // namespace

class TestHeadStudies : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        qputenv("XDG_CONFIG_HOME", m_folder.path().toUtf8()); // settings of the test, not of the user
    }

    void adviceIsALineWithItsTableBehind()
    {
        auto advice = std::make_shared<Advice>();
        advice->favoured = {"kernel"};
        advice->findings = {"Rows are <flat>."};
        advice->lines = {{"performer", "kernel", 0.5, 0.25, 0.1, "bidirectional instead"}, {"window", "sparse", 0.6, 0.75, 0.2, ""}};
        advice->tokens = 64;
        AdvicePanel panel;
        panel.resize(400, 40);
        panel.show();
        panel.setAdvice(advice);
        QVERIFY(panel.text().endsWith(QString::fromStdString(advice->summary())));
        QCOMPARE(panel.table().rowCount(), 2);
        QCOMPARE(panel.table().item(1, 2)->text(), QStringLiteral("0.75"));
        QCOMPARE(panel.table().item(0, 5)->text(), QStringLiteral("bidirectional instead"));
        QSignalSpy chosen(&panel, &AdvicePanel::methodChosen);
        panel.showDetails();
        auto& table = panel.table();
        QTest::mouseClick(table.viewport(), Qt::LeftButton, {}, table.visualItemRect(table.item(1, 3)).center());
        QCOMPARE(chosen.size(), 1);
        QCOMPARE(chosen[0][0].toString(), QStringLiteral("window"));
        panel.setMessage(QStringLiteral("measuring"));
        QCOMPARE(table.rowCount(), 0);
        QVERIFY(!panel.advice());
    }

    void theoryDrawsBoundsDashedAndMeasurementsAsPoints()
    {
        const std::vector<TheoryCurve> curves{curve(TheoryKind::Guidance, {}, {}, {}),
                                              curve(TheoryKind::UpperBound, {1, 10, 100}, {1, 0.1, 0.01}, {0.5, 0.05, 0.005}),
                                              curve(TheoryKind::Prediction, {1, 10, 100}, {0.6, 0.06, 0.006}, {})};
        const auto figure = theoryFigure(curves, curves[1]);
        QCOMPARE(figure.series.size(), std::size_t(3)); // bound, what was measured, prediction
        QCOMPARE(figure.series[0].style, Qt::DashLine);
        QCOMPARE(figure.series[1].style, Qt::NoPen);
        QCOMPARE(figure.series[1].y, curves[1].measured);
        QCOMPARE(figure.series[1].color, figure.series[0].color);
        QCOMPARE(figure.series[2].style, Qt::SolidLine);
        QVERIFY(figure.series[2].color != figure.series[0].color);
        QVERIFY(figure.x.logarithmic && figure.y.logarithmic);
        QVERIFY(figure.y.low < 0.005 && figure.y.low > 0.0 && figure.y.high > 1.0);
        const std::vector<TheoryCurve> fromZero{curve(TheoryKind::Prediction, {0, 1, 2}, {0, 5, 100}, {})};
        const auto linear = theoryFigure(fromZero, fromZero[0]);
        QVERIFY(!linear.x.logarithmic && !linear.y.logarithmic);
    }

    void theoryShowsTheFirstCurveAndSaysWhereThereIsNone()
    {
        TheoryPanel panel;
        panel.resize(900, 300);
        panel.show();
        panel.setCurves(QStringLiteral("Method"),
                        {curve(TheoryKind::Guidance, {}, {}, {}), curve(TheoryKind::UpperBound, {1, 10}, {1, 0.1}, {0.5, 0.05})});
        QVERIFY(panel.hasPlot());
        QCOMPARE(panel.list().currentRow(), 1);
        QCOMPARE(panel.text(), QStringLiteral("A bound (upper bound; Author 2020)\nIt holds."));
        panel.list().setCurrentRow(0);
        QVERIFY(!panel.hasPlot());
        panel.setCurves(QStringLiteral("Method"), {});
        QVERIFY(!panel.hasPlot());
        QVERIFY(panel.text().contains(QStringLiteral("Method")));
        QVERIFY(!panel.list().isVisible());
    }

    void adviceFollowsTheHeadAndItsMethodsGoOnTheBoard()
    {
        Opened opened;
        QVERIFY(opened.waitForAdvice());
        auto& controller = opened.controller;
        const auto expected = adviceFor(controller.board().head, {});
        QVERIFY(expected.ok());
        QCOMPARE(opened.advice->advice()->summary(), expected->summary());
        QCOMPARE(opened.advice->table().rowCount(), static_cast<int>(expected->lines.size()));
        const std::string best = expected->lines.front().method;
        Q_EMIT opened.advice->methodChosen(QString::fromStdString(best));
        const auto& session = controller.session();
        QCOMPARE(session.approximations.at(session.selected).id, best);
        const auto count = session.approximations.size();
        Q_EMIT opened.advice->methodChosen(QString::fromStdString(best));
        QCOMPARE(session.approximations.size(), count); // it is there already
        QVERIFY(opened.advice->advice());               // another method is no reason to measure again
        controller.step(0, 1);
        QVERIFY(!opened.advice->advice());
        QVERIFY(opened.waitForAdvice());
        const auto next = adviceFor(controller.board().head, {});
        QVERIFY(next.ok());
        QCOMPARE(opened.advice->advice()->summary(), next->summary());
    }

    void theoryWaitsForItsTabAndFollowsTheMethod()
    {
        Opened opened;
        QVERIFY(opened.waitForAdvice());
        QVERIFY(!opened.theory->hasPlot()); // nobody looks at it
        opened.window.findChild<QDockWidget*>(QStringLiteral("theoryDock"))->raise();
        QVERIFY(QTest::qWaitFor([&] { return opened.theory->hasPlot(); }, kPatience));
        const auto& board = opened.controller.board();
        QCOMPARE(board.approximations.at(0).setting.id, std::string("performer"));
        opened.controller.edit([](Session& s) { s.approximations[0] = {"uniform", {}, 0}; });
        QVERIFY(!opened.theory->hasPlot());
        QVERIFY(QTest::qWaitFor([&] { return opened.theory->text().contains(QStringLiteral("Uniform")); }, kPatience));
    }

private:
    QTemporaryDir m_folder;
};

static const attnscope::tests::RegisterTest<TestHeadStudies> registered("test_head_studies");

#include "test_head_studies.moc"
