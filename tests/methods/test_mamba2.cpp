// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba-2: steps and rates of the input, its own arrays in place of q and k, and the own share D.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestMamba2 : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void decayIsStepTimesRate()
    {
        GatedInputs data({1, 2, 150, 150, 8, 4}, 121);
        data.draw("dt", 1, 0.0, 1.0);
        data.fill("A", 1, -0.3F);
        const Tensor made = mapOf("mamba2", data.inputs(), {}, {0, 1});
        Tensor g(1, 2, 150, 1);
        for (Index h = 0; h < 2; ++h)
            for (Index t = 0; t < 150; ++t)
                g.matrix({0, h})(t, 0) = -0.3F * data.arrays.at("dt").matrix({0, h})(t, 0);
        data.arrays.erase("A");
        data.arrays.insert_or_assign("g", std::move(g));
        QVERIFY(!made.empty() && maxDifference(made, mapOf("mamba2", data.inputs(), {}, {0, 1})) < 1e-6);
    }

    void ownArraysStandForQueriesAndKeys()
    {
        GatedInputs data({1, 1, 90, 90, 8, 4}, 122);
        const Tensor plain = mapOf("mamba2", data.inputs());
        Tensor b(1, 1, 90, 8);
        Tensor c(1, 1, 90, 8);
        std::copy(data.data.k.values().begin(), data.data.k.values().end(), b.values().begin());
        std::copy(data.data.q.values().begin(), data.data.q.values().end(), c.values().begin());
        data.arrays.insert_or_assign("B", std::move(b));
        data.arrays.insert_or_assign("C", std::move(c));
        std::fill(data.data.q.values().begin(), data.data.q.values().end(), 7.0F);
        QVERIFY(!plain.empty() && maxDifference(plain, mapOf("mamba2", data.inputs())) == 0.0);
        data.arrays.insert_or_assign("D", Tensor(1, 1, 1, 1));
        data.arrays.at("D").data()[0] = 2.5F;
        const Tensor raised = mapOf("mamba2", data.inputs());
        for (const Index i : {0, 63, 64, 89})
            QVERIFY(std::fabs(raised.matrix()(i, i) - plain.matrix()(i, i) - 2.5F) < 1e-5F);
        data.arrays.insert_or_assign("C", Tensor(1, 1, 90, 7));
        QCOMPARE(findMethod("mamba2")->run(data.inputs(), paramsOf("mamba2"), {}).error().code, Errc::InvalidShape);
        data.arrays.erase("C");
        data.fill("D", 4, 1.0F);
        QCOMPARE(findMethod("mamba2")->run(data.inputs(), paramsOf("mamba2"), {}).error().code, Errc::InvalidShape);
    }
};

static const attnscope::tests::RegisterTest<TestMamba2> registered("test_mamba2");

#include "test_mamba2.moc"
