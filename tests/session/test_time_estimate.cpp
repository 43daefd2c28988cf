// SPDX-License-Identifier: GPL-3.0-or-later
// Estimates of time: words, growth, and what is long on any machine.
#include "core/method/registry.h"
#include "core/session/time_estimate.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>

using namespace attnscope;

class TestTimeEstimate : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void wordsPromiseNoMoreThanTheyKnow_data()
    {
        QTest::addColumn<double>("seconds");
        QTest::addColumn<QString>("words");
        QTest::newRow("instant") << 0.01 << "about 1 s";
        QTest::newRow("seconds") << 7.4 << "about 7 s";
        QTest::newRow("tens of seconds") << 63.0 << "about 65 s";
        QTest::newRow("minutes") << 130.0 << "about 2 min";
        QTest::newRow("tens of minutes") << 2430.0 << "about 40 min";
        QTest::newRow("hours") << 11000.0 << "about 3 h";
        QTest::newRow("days") << 400000.0 << "about 5 days";
        QTest::newRow("never") << 1e12 << "more than a year";
        QTest::newRow("not a number") << std::nan("") << "more than a year";
    }
    void wordsPromiseNoMoreThanTheyKnow()
    {
        QFETCH(double, seconds);
        QFETCH(QString, words);
        QCOMPARE(QString::fromStdString(aboutTime(seconds)), words);
    }

    void quadraticMethodsGrowFourfold()
    {
        const auto& topk = *findMethod("topk");
        const auto& linear = *findMethod("linear-elu");
        const auto seconds = [](const AttentionMethod& method, Index n) {
            return estimateSeconds(method, Shape{1, 1, n, n, 64, 64}, defaultParams(method.info().params), false, 1e11);
        };
        const double quadratic = seconds(topk, 200000) / seconds(topk, 100000);
        QVERIFY2(quadratic > 3.9 && quadratic < 4.1, qPrintable(QString::number(quadratic)));
        const double straight = seconds(linear, 200000) / seconds(linear, 100000);
        QVERIFY2(straight > 1.9 && straight < 2.1, qPrintable(QString::number(straight)));
        QVERIFY(seconds(*findMethod("svd"), 200000) > kLongSeconds);
        QVERIFY(seconds(linear, 200000) < kLongSeconds);
    }

    void theRateIsMeasuredOnce()
    {
        const double rate = softmaxFlopRate(1);
        QVERIFY(rate > 1e7 && rate < 1e15);
        QCOMPARE(softmaxFlopRate(1), rate);
    }

    void longRunsAreNamedShortOnesPass()
    {
        // One array stands for a long input: estimates read sizes alone.
        const Tensor row(1, 1, 1, 64);
        const auto inputs = [&row](Index n) {
            const TensorView<const float> view{row.data(), {1, 1, n, 64}, {0, 0, 0}};
            return Inputs{view, view, view, false, 0.0F, nullptr};
        };
        const auto& svd = *findMethod("svd");
        const Params params = defaultParams(svd.info().params);
        RunContext context;
        context.threads = 1;
        QVERIFY(!longRun(svd, inputs(256), params, context));
        const auto refused = longRun(svd, inputs(5000000), params, context);
        QVERIFY(refused.has_value());
        QVERIFY2(refused->what.find("SVD) would take ") != std::string::npos && refused->what.find("5000000 tokens") != std::string::npos,
                 refused->what.c_str());
        QVERIFY(!refused->hint.empty());
    }
};

static const attnscope::tests::RegisterTest<TestTimeEstimate> registered("test_time_estimate");

#include "test_time_estimate.moc"
