// SPDX-License-Identifier: GPL-3.0-or-later
// Every head's error once: that of the whole map where it is short, under the mask that the method has a form for.
#include "core/method/registry.h"
#include "core/session/evaluation.h"
#include "core/session/head_errors.h"
#include "support/random_document.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

class TestHeadErrors : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalTheMetricsOfShortMaps_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<bool>("causal");
        QTest::newRow("causal") << "uniform" << true;
        QTest::newRow("bidirectional") << "uniform" << false;
        QTest::newRow("without a causal form") << "nystromformer" << true;
        QTest::newRow("exact") << "softmax" << true;
    }

    void equalTheMetricsOfShortMaps()
    {
        QFETCH(QString, id);
        QFETCH(bool, causal);
        const auto document = tests::randomDocument(40);
        const auto layer = *document->layer(0, {});
        const auto* method = findMethod(id.toStdString());
        QVERIFY(method);
        const auto params = defaultParams(method->info().params);
        std::vector<double> errors;
        const auto made =
            forEachHeadError(*document, 0, causal, *method, params, {}, [&](int, int, double error) { errors.push_back(error); });
        QVERIFY2(made.ok(), made.ok() ? "" : made.error().what.c_str());
        QCOMPARE(*made, 4);
        for (Index head = 0; head < 4; ++head) {
            Inputs inputs = inputsOf(layer, {0, head});
            inputs.causal = causal;
            const auto exact = evaluateExact(inputs, {});
            QVERIFY(exact.ok());
            const auto comparison = compareWith(*exact, *method, inputs, params, {});
            QVERIFY(comparison.ok());
            const auto metrics = measure(*comparison, {});
            QVERIFY(metrics.ok());
            const double expected = metrics->map.relFrobenius;
            QVERIFY2(std::abs(errors[static_cast<std::size_t>(head)] - expected) < 1e-6, qPrintable(QString::number(expected)));
        }
    }

    void stopsWhenAsked()
    {
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto* method = findMethod("uniform");
        const auto made = forEachHeadError(*tests::randomDocument(40), 0, true, *method, defaultParams(method->info().params), context,
                                           [](int, int, double) {});
        QVERIFY(!made.ok());
        QCOMPARE(made.error().code, Errc::Cancelled);
    }
};

static const attnscope::tests::RegisterTest<TestHeadErrors> registered("test_head_errors");

#include "test_head_errors.moc"
