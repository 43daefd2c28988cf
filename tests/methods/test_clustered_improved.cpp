// SPDX-License-Identifier: GPL-3.0-or-later
// Improved clustered attention: never worse than clustered attention, its limits, and what it keeps of the centre.
#include "core/engine/clustered_map.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestClusteredImproved : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyRowIsAtLeastAsGoodAsClustered_data()
    {
        QTest::addColumn<float>("deviation");
        QTest::addColumn<QString>("k");
        for (const float deviation : {0.5F, 1.0F, 2.0F})
            for (const char* k : {"1", "10", "60"})
                QTest::addRow("deviation %g, k %s", static_cast<double>(deviation), k) << deviation << k;
    }
    void everyRowIsAtLeastAsGoodAsClustered()
    {
        QFETCH(float, deviation);
        QFETCH(QString, k);
        const auto data = randomInputs({1, 1, 150, 170, 16, 4}, 1, deviation);
        const Matrix64 exact = exactMap(data.inputs(), {});
        const Tensor plain = mapOf("clustered", data.inputs(), {{"clusters", "12"}}, {}, 5);
        const Tensor improved = mapOf("clustered-improved", data.inputs(), {{"clusters", "12"}, {"k", k.toStdString()}}, {}, 5);
        double gained = 0.0;
        for (Index i = 0; i < 150; ++i) {
            double before = 0.0;
            double after = 0.0;
            for (Index j = 0; j < 170; ++j) {
                before += std::fabs(plain.matrix()(i, j) - exact(i, j));
                after += std::fabs(improved.matrix()(i, j) - exact(i, j));
            }
            QVERIFY2(after <= before + 1e-6, qPrintable(QString("%1: %2 %3").arg(i).arg(before).arg(after)));
            gained = std::max(gained, before - after);
        }
        QVERIFY(k == "1" || gained > 1e-3);
    }

    void allKeysAreExact()
    {
        const auto data = randomInputs({1, 2, 70, 90, 16, 4}, 2, 1.0F, 1);
        QVERIFY(maxDifference(mapOf("clustered-improved", data.inputs(), {{"clusters", "5"}, {"k", "90"}}, {0, 1}),
                              exactMap(data.inputs(), {0, 1})) < 1e-6);
    }

    void otherKeysKeepTheCentresWeights()
    {
        const auto data = randomInputs({1, 1, 100, 120, 16, 4}, 3);
        const Tensor plain = mapOf("clustered", data.inputs(), {{"clusters", "9"}}, {}, 2);
        const Tensor improved = mapOf("clustered-improved", data.inputs(), {{"clusters", "9"}, {"k", "20"}}, {}, 2);
        for (Index i = 0; i < 100; ++i) {
            Index changed = 0;
            for (Index j = 0; j < 120; ++j)
                changed += std::fabs(improved.matrix()(i, j) - plain.matrix()(i, j)) > 1e-7 ? 1 : 0;
            QVERIFY(changed <= 20);
        }
    }

    void rowsAddUpToOne()
    {
        const auto data = randomInputs({1, 1, 100, 120, 16, 4}, 4);
        const Tensor map = mapOf("clustered-improved", data.inputs(), {{"clusters", "9"}, {"k", "7"}});
        for (Index i = 0; i < 100; ++i) {
            double sum = 0.0;
            for (const float x : map.matrix().rowSpan(i))
                sum += x;
            QVERIFY(std::fabs(sum - 1.0) < 1e-5);
        }
    }

    void causalRowsHaveTheVisibleLargestKeysAlone()
    {
        const auto data = randomInputs({1, 1, 90, 100, 16, 4}, 5);
        const Tensor map = mapOf("clustered-improved", data.inputs(true), {{"clusters", "6"}, {"k", "5"}});
        Index empty = 0;
        for (Index i = 0; i < 90; ++i) {
            double sum = 0.0;
            Index used = 0;
            for (Index j = 0; j < 100; ++j) {
                sum += map.matrix()(i, j);
                used += map.matrix()(i, j) > 0.0F ? 1 : 0;
                QVERIFY(j <= i + 10 || map.matrix()(i, j) == 0.0F);
            }
            QVERIFY(used <= 5 && (used == 0 ? sum == 0.0 : std::fabs(sum - 1.0) < 1e-5));
            empty += used == 0 ? 1 : 0;
        }
        QVERIFY(empty > 0 && empty < 45);
        const Matrix64 exact = exactMap(data.inputs(true), {});
        QVERIFY(maxDifference(mapOf("clustered-improved", data.inputs(true), {{"clusters", "6"}, {"k", "100"}}), exact) < 1e-6);
    }

    void nearTiesAreSettledInFloat64()
    {
        // Keys whose logits differ by less than float32 can tell: the order is that of float64, then of place.
        Tensor k(1, 1, 40, 2);
        Tensor centre(1, 1, 1, 2);
        centre.matrix()(0, 0) = 1.0F;
        centre.matrix()(0, 1) = 0x1p-30F;
        std::vector<float> logits(40);
        for (Index j = 0; j < 40; ++j) {
            k.matrix()(j, 0) = j < 20 ? 1.0F : 0.5F;
            k.matrix()(j, 1) = j == 7 || j == 13 ? 1.0F : 0.0F;
            logits[static_cast<std::size_t>(j)] = k.matrix()(j, 0);
        }
        // Of 20 keys that look alike in float32, 9 at most are looked at: the first ones.
        QCOMPARE(largestKeys(centre.matrix(), k.matrix(), logits, 1), std::vector<Index>{7});
        QCOMPARE(largestKeys(centre.matrix(), k.matrix(), logits, 3), (std::vector<Index>{0, 1, 7}));
        QCOMPARE(largestKeys(centre.matrix(), k.matrix(), logits, 50).size(), std::size_t{40});
    }
};

static const attnscope::tests::RegisterTest<TestClusteredImproved> registered("test_clustered_improved");

#include "test_clustered_improved.moc"
