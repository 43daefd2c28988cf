// SPDX-License-Identifier: GPL-3.0-or-later
// HGRN2: rows that average, and gates that neither write nor forget.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestHgrn2 : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rowsAverageWhereQueriesAreOne()
    {
        GatedInputs data({1, 1, 150, 150, 4, 1}, 61);
        data.draw("g", 4, -0.7, 0.0);
        std::fill(data.data.q.values().begin(), data.data.q.values().end(), 0.0F);
        for (Index i = 0; i < 150; ++i)
            data.data.q.matrix()(i, 2) = 2.0F; // over sqrt(4): 1 in one channel
        const auto in = data.inputs();
        const Tensor map = mapOf("hgrn2", in);
        double sum = 0.0;
        for (Index i = 0; i < 150; ++i) {
            sum += static_cast<double>((*in.array("g", {}))(i, 2));
            double row = 0.0;
            for (const float x : map.matrix().rowSpan(i))
                row += static_cast<double>(x);
            QVERIFY(std::fabs(row - (1.0 - std::exp(sum))) < 1e-5);
        }
    }

    void openGatesWriteNothing()
    {
        const GatedInputs data({1, 1, 70, 70, 8, 3}, 62);
        const auto out = findMethod("hgrn2")->run(data.inputs(), paramsOf("hgrn2", {{"g", "0"}}), {});
        QVERIFY(out.ok());
        for (const float x : out->values())
            QCOMPARE(x, 0.0F);
    }

    void keysAsGatesDifferFromConstants()
    {
        const GatedInputs data({1, 1, 70, 70, 8, 3}, 63);
        const Tensor constant = mapOf("hgrn2", data.inputs());
        const Tensor keys = mapOf("hgrn2", data.inputs(), {{"gate", "keys"}});
        const auto k = data.data.k.matrix();
        double expected = 0.0;
        for (Index c = 0; c < 8; ++c)
            expected += data.data.q.matrix()(9, c) / (1.0 + std::exp(static_cast<double>(k(9, c)))) / std::sqrt(8.0);
        QVERIFY(std::fabs(keys.matrix()(9, 9) - expected) < 1e-6);
        QVERIFY(maxDifference(constant, keys) > 0.01);
    }
};

static const attnscope::tests::RegisterTest<TestHgrn2> registered("test_hgrn2");

#include "test_hgrn2.moc"
