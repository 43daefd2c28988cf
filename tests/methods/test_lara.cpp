// SPDX-License-Identifier: GPL-3.0-or-later
// LARA: what its weights must be in cases that can be worked out by hand, and its effective number of proposals.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestLara : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void oneProposalIsOneDistribution()
    {
        // A single proposal has weight 1: every row is softmax_j(s (mu . k_j - |k_j|² / 2)).
        const auto data = randomInputs({1, 1, 30, 40, 8, 4}, 1);
        const Tensor map = mapOf("lara", data.inputs(), {{"landmarks", "1"}});
        std::vector<double> mu(8, 0.0);
        for (Index c = 0; c < 8; ++c) {
            for (Index i = 0; i < 30; ++i)
                mu[static_cast<std::size_t>(c)] += data.q.matrix()(i, c) / 30.0;
            for (Index j = 0; j < 40; ++j)
                mu[static_cast<std::size_t>(c)] += data.k.matrix()(j, c) / 40.0;
        }
        std::vector<double> row(40);
        double sum = 0.0;
        for (Index j = 0; j < 40; ++j) {
            double logit = 0.0;
            for (Index c = 0; c < 8; ++c) {
                const double k = data.k.matrix()(j, c);
                logit += (mu[static_cast<std::size_t>(c)] * k - k * k / 2.0) / std::sqrt(8.0);
            }
            sum += row[static_cast<std::size_t>(j)] = std::exp(logit);
        }
        for (Index i = 0; i < 30; ++i)
            for (Index j = 0; j < 40; ++j)
                QVERIFY(std::fabs(map.matrix()(i, j) - row[static_cast<std::size_t>(j)] / sum) < 1e-6);
    }

    void weightsDiffer()
    {
        const auto data = randomInputs({1, 1, 96, 96, 16, 4}, 2);
        const Tensor optimal = mapOf("lara", data.inputs(), {{"landmarks", "12"}});
        const Tensor balanced = mapOf("lara", data.inputs(), {{"landmarks", "12"}, {"weights", "balanced"}});
        const Tensor biased = mapOf("lara", data.inputs(), {{"landmarks", "12"}, {"weights", "biased"}});
        QVERIFY(maxDifference(optimal, balanced) > 1e-5);
        QVERIFY(maxDifference(biased, balanced) > 1e-5);
    }

    void equalQueriesHaveEqualRows()
    {
        auto data = randomInputs({1, 1, 64, 64, 16, 4}, 3);
        std::copy_n(data.q.matrix().row(3), 16, data.q.matrix().row(50));
        const Tensor map = mapOf("lara", data.inputs(), {{"landmarks", "8"}});
        for (Index j = 0; j < 64; ++j)
            QVERIFY(std::fabs(map.matrix()(3, j) - map.matrix()(50, j)) < 1e-7);
    }

    void largeInputsStayFinite()
    {
        const auto data = randomInputs({1, 1, 100, 100, 16, 4}, 4, 30.0F);
        const Tensor map = mapOf("lara", data.inputs(), {{"landmarks", "10"}});
        for (Index i = 0; i < 100; ++i) {
            double sum = 0.0;
            for (const float x : map.matrix().rowSpan(i))
                sum += x;
            QVERIFY2(std::fabs(sum - 1.0) < 1e-4, qPrintable(QString::number(sum)));
        }
    }

    void effectiveProposals()
    {
        const auto data = randomInputs({1, 1, 500, 500, 16, 4}, 5);
        const auto curves = findMethod("lara")->theory(data.inputs(), {}, paramsOf("lara", {{"landmarks", "20"}}), {});
        QVERIFY(curves.ok());
        const TheoryCurve& curve = curves->front();
        QCOMPARE(curve.x.size(), std::size_t{200});
        QVERIFY(!curve.caption.empty());
        for (std::size_t i = 0; i < curve.x.size(); ++i)
            QVERIFY(curve.measured[i] >= 1.0 - 1e-6 && curve.measured[i] <= curve.predicted[i] * (1.0 + 1e-6));
    }
};

static const attnscope::tests::RegisterTest<TestLara> registered("test_lara");

#include "test_lara.moc"
