// SPDX-License-Identifier: GPL-3.0-or-later
// Comparisons of methods that lack a form for the input's mask: both sides change, and it is said.
#include "core/session/measure_rows.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestEvaluation : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void changesAreFoundAndNamed_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::addColumn<int>("window");
        QTest::addColumn<bool>("methodCausal");
        QTest::addColumn<bool>("methodBidirectional");
        QTest::addColumn<bool>("methodWindow");
        QTest::addColumn<QString>("label");
        QTest::addColumn<QString>("explanation");
        QTest::newRow("none") << true << 5 << true << true << true << ""
                              << "";
        QTest::newRow("no mask at all") << false << 0 << false << true << false << ""
                                        << "";
        QTest::newRow("no causal form") << true << 0 << false << true << false << "bidirectional"
                                        << "no causal form: compared bidirectionally";
        QTest::newRow("only causal") << false << 0 << true << false << false << "causal"
                                     << "only a causal form: compared causally";
        QTest::newRow("no window") << true << 5 << true << true << false << "no window"
                                   << "no form for a sliding window: compared without it";
        QTest::newRow("neither") << true << 5 << false << true << false << "bidirectional, no window"
                                 << "no causal form and none for a sliding window: compared bidirectionally without it";
    }
    void changesAreFoundAndNamed()
    {
        QFETCH(bool, causal);
        QFETCH(int, window);
        QFETCH(bool, methodCausal);
        QFETCH(bool, methodBidirectional);
        QFETCH(bool, methodWindow);
        QFETCH(QString, label);
        QFETCH(QString, explanation);
        MethodInfo info;
        info.supportsCausal = methodCausal;
        info.supportsBidirectional = methodBidirectional;
        info.supportsWindow = methodWindow;
        Inputs in;
        in.causal = causal;
        in.window = window;
        const auto change = maskChangeFor(info, in);
        QCOMPARE(QString::fromStdString(change.label()), label);
        QCOMPARE(QString::fromStdString(change.explanation()), explanation);
        QCOMPARE(change.any(), !explanation.isEmpty());
        const Inputs used = change.applied(in);
        QVERIFY(used.causal ? methodCausal : methodBidirectional);
        QVERIFY(used.window == 0 || methodWindow);
    }

    void someQueriesAreMeasuredAlone()
    {
        const auto data = randomInputs({1, 1, 40, 40, 16, 16}, 1);
        const Inputs in = data.inputs(true);
        const auto& method = *findMethod("linear-elu");
        const auto exact = evaluateExact(in, {});
        QVERIFY(exact.ok());
        const auto comparison = compareWith(*exact, method, in, defaultParams(method.info().params), {});
        QVERIFY(comparison.ok());
        std::vector<Index> all;
        for (Index i = 0; i < 40; ++i)
            all.push_back(i);
        const auto whole = measure(*comparison, {});
        const auto same = measureRows(*comparison, all, {});
        QVERIFY(whole.ok() && same.ok());
        QCOMPARE(same->map.relFrobenius, whole->map.relFrobenius);
        QCOMPARE(same->output.relFrobenius, whole->output.relFrobenius);
        const auto one = measureRows(*comparison, {17}, {});
        QVERIFY(one.ok());
        QCOMPARE(one->map.maxAbsRow, Index(17));
        double variation = 0.0;
        for (Index j = 0; j < 40; ++j)
            variation += 0.5 * std::abs(double(*comparison->exact.map->cell(17, j)) - double(*comparison->approximation.map->cell(17, j)));
        QVERIFY(std::abs(one->map.totalVariation - variation) < 1e-6);
        QCOMPARE(measureRows(*comparison, {}, {}).error().code, Errc::InvalidParam);
        QCOMPARE(measureRows(*comparison, {40}, {}).error().code, Errc::InvalidParam);
    }

    void withoutItsWindowBothSidesSeeAllKeys()
    {
        const auto data = randomInputs({1, 1, 40, 40, 16, 16}, 1);
        Inputs in = data.inputs(true);
        in.window = 4;
        const auto exact = evaluateExact(in, {});
        QVERIFY(exact.ok());
        QCOMPARE(exact->window, Index(4));
        QCOMPARE(*exact->map->cell(20, 3), 0.0F);
        const auto& method = *findMethod("linear-elu");
        const auto comparison = compareWith(*exact, method, in, defaultParams(method.info().params), {});
        QVERIFY(comparison.ok());
        QVERIFY(comparison->change.windowDropped && !comparison->change.madeBidirectional);
        QCOMPARE(comparison->exact.window, Index(0));
        QVERIFY(*comparison->exact.map->cell(20, 3) > 0.0F);
        QVERIFY(*comparison->approximation.map->cell(20, 3) > 0.0F);
        const auto kept = compareWith(*exact, *findMethod("uniform"), in, {}, {});
        QVERIFY(kept.ok() && !kept->change.any());
        QCOMPARE(*kept->approximation.map->cell(20, 17), 0.25F);
    }

    void longInputsAreSampled()
    {
        const Index n = 16500; // just more cells than are compared whole
        const auto data = randomInputs({1, 1, n, n, 4, 2}, 2);
        const Inputs in = data.inputs(true);
        const auto exact = evaluateExact(in, {});
        QVERIFY(exact.ok());
        QVERIFY(!exact->output); // no row has been computed yet
        const auto& method = *findMethod("linear-elu");
        const auto comparison = compareWith(*exact, method, in, defaultParams(method.info().params), {});
        QVERIFY(comparison.ok());
        const auto metrics = measure(*comparison, {});
        QVERIFY(metrics.ok());
        QCOMPARE(metrics->map.rows, n);
        QCOMPARE(metrics->map.rowsRead, Index(1024));
        QCOMPARE(static_cast<int>(metrics->map.provenance), static_cast<int>(Provenance::Sampled));
        QVERIFY(metrics->map.intervals && metrics->output.interval);
        const auto whole = findMethod("softmax")->run(in, defaultParams(findMethod("softmax")->info().params), {});
        QVERIFY(whole.ok());
        const auto truth = compareOutputs(whole->matrix(), comparison->approximation.output->matrix());
        QVERIFY(truth.ok());
        QVERIFY(metrics->output.interval->low <= truth->relFrobenius && truth->relFrobenius <= metrics->output.interval->high);
        QVERIFY(metrics->output.maxAbs <= truth->maxAbs + 1e-6);
    }
};

static const attnscope::tests::RegisterTest<TestEvaluation> registered("test_evaluation");

#include "test_evaluation.moc"
