// SPDX-License-Identifier: GPL-3.0-or-later
// Truths across methods: no low-rank map beats the best of its rank, exact methods agree with each other.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestMethodInvariants : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void noLowRankMapBeatsTheBestOfItsRank_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<QString>("key");
        QTest::addColumn<int>("rank");
        QTest::newRow("uniform") << "uniform"
                                 << "" << 1;
        QTest::newRow("linear-elu") << "linear-elu"
                                    << "" << 16;
        QTest::newRow("performer 8") << "performer"
                                     << "features" << 8;
        QTest::newRow("performer 32") << "performer"
                                      << "features" << 32;
        QTest::newRow("linformer 10") << "linformer"
                                      << "rank" << 10;
        QTest::newRow("linformer 50") << "linformer"
                                      << "rank" << 50;
    }
    void noLowRankMapBeatsTheBestOfItsRank()
    {
        QFETCH(QString, id);
        QFETCH(QString, key);
        QFETCH(int, rank);
        const std::string name = id.toStdString();
        QVERIFY(findMethod(name));
        std::vector<ParamText> params;
        if (!key.isEmpty())
            params.emplace_back(key.toStdString(), std::to_string(rank));
        for (const float deviation : {0.5F, 1.0F, 2.0F}) {
            const auto data = randomInputs({1, 1, 150, 150, 16, 2}, 81, deviation);
            const Matrix64 exact = exactMap(data.inputs(), {});
            const double floor = frobeniusDifference(mapOf("svd", data.inputs(), {{"rank", std::to_string(rank)}}), exact);
            QVERIFY(frobeniusDifference(mapOf(name.c_str(), data.inputs(), params), exact) >= floor * (1.0 - 1e-5));
        }
    }

    void exactMethodsAgree()
    {
        for (const bool causal : {false, true}) {
            const auto data = randomInputs({2, 2, 77, 91, 24, 10}, 82, 1.5F, 1);
            const auto truth = findMethod("softmax-reference")->run(data.inputs(causal), {}, {});
            QVERIFY(truth.ok());
            for (const auto& method : allMethods()) {
                if (!method->info().exact)
                    continue;
                const auto out = method->run(data.inputs(causal), defaultParams(method->info().params), {});
                QVERIFY(out.ok());
                QVERIFY(maxDifference(*out, *truth) < 4e-6);
                const auto source = method->scores(data.inputs(causal), {}, defaultParams(method->info().params), {});
                QVERIFY((*source)->provenance() == Provenance::Exact);
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestMethodInvariants> registered("test_method_invariants");

#include "test_method_invariants.moc"
