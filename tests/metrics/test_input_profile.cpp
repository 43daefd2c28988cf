// SPDX-License-Identifier: GPL-3.0-or-later
// The profile of maps whose entropy, rank and locality are known.
#include "core/metrics/input_profile.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestInputProfile : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalKeysAreFlatAndOfRankOne()
    {
        auto data = randomInputs({1, 1, 200, 200, 8, 4}, 1);
        std::fill(data.q.values().begin(), data.q.values().end(), 0.0F);
        const auto p = profileOf(data.inputs(), {}, {});
        QVERIFY(p.ok());
        QVERIFY(std::fabs(p->entropy - std::log(200.0)) < 1e-5);
        QVERIFY(std::fabs(p->flatEntropy - std::log(200.0)) < 1e-12);
        QVERIFY(std::fabs(p->stableRank - 1.0) < 1e-5);
        QCOMPARE(p->largestLogit, 0.0);
        QVERIFY(std::fabs(p->firstWeight - 1.0 / 200.0) < 1e-7);
        QVERIFY(!p->sampled());
    }

    void theDiagonalIsPeakedLocalAndOfFullRank()
    {
        RandomInputs data{Tensor(1, 1, 64, 64), Tensor(1, 1, 64, 64), Tensor(1, 1, 64, 4)};
        for (Tensor* x : {&data.q, &data.k}) {
            std::fill(x->values().begin(), x->values().end(), 0.0F);
            for (Index i = 0; i < 64; ++i)
                x->matrix()(i, i) = 20.0F;
        }
        std::fill(data.v.values().begin(), data.v.values().end(), 1.0F);
        const auto p = profileOf(data.inputs(), {}, {});
        QVERIFY(p.ok());
        QVERIFY(p->entropy < 1e-6);
        QVERIFY(std::fabs(p->stableRank - 64.0) < 0.1);
        QCOMPARE(p->largestLogit, 50.0); // 20 * 20 / sqrt(64)
        QVERIFY(p->nearWeight > 0.999999);
    }

    void agreesWithTheFloat64Map()
    {
        const auto data = randomInputs({1, 2, 90, 120, 16, 4}, 3, 1.4F, 1);
        for (const bool causal : {false, true}) {
            const Matrix64 map = exactMap(data.inputs(causal), {0, 1});
            double entropy = 0.0;
            double near = 0.0;
            for (Index i = 0; i < 90; ++i)
                for (Index j = 0; j < 120; ++j) {
                    entropy -= map(i, j) > 0.0 ? map(i, j) * std::log(map(i, j)) / 90.0 : 0.0;
                    near += std::abs(i + 30 - j) <= kNearKeys ? map(i, j) / 90.0 : 0.0;
                }
            const auto p = profileOf(data.inputs(causal), {0, 1}, {});
            QVERIFY(p.ok());
            QVERIFY(std::fabs(p->entropy - entropy) < 1e-5);
            QVERIFY(std::fabs(p->nearWeight - near) < 1e-5);
            QVERIFY(p->stableRank >= 1.0 && p->stableRank <= 90.0);
        }
    }

    void longInputsAreSampled()
    {
        const auto data = randomInputs({1, 1, 6000, 6000, 8, 4}, 4, 0.5F);
        const auto p = profileOf(data.inputs(true), {}, {});
        QVERIFY(p.ok());
        QVERIFY(p->sampled() && p->rowsRead > 2000);
        QVERIFY(p->entropy > 0.9 * p->flatEntropy && p->entropy < p->flatEntropy);
    }
};

static const attnscope::tests::RegisterTest<TestInputProfile> registered("test_input_profile");

#include "test_input_profile.moc"
