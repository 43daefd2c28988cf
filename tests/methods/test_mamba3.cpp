// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba-3: Mamba-2 where nothing turns and the rule has one end, and rotations that depend on distances alone.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestMamba3 : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void withoutRotationAndTrapezoidItIsMamba2()
    {
        GatedInputs data({1, 1, 140, 150, 8, 4}, 131);
        data.draw("dt", 1, 0.0, 1.0);
        data.draw("g", 1, -0.4, 0.0);
        const Tensor third = mapOf("mamba3", data.inputs(), {{"lambda", "1"}, {"theta", "0"}});
        QVERIFY(!third.empty() && maxDifference(third, mapOf("mamba2", data.inputs())) < 1e-5);
    }

    void recurrenceOfThePaper()
    {
        // S_i = alpha_i S_{i-1} + (1 - lambda_i) dt_i alpha_i k_{i-1} v_{i-1} + lambda_i dt_i k_i v_i, one channel of each.
        GatedInputs data({1, 1, 100, 100, 1, 1}, 132);
        data.draw("dt", 1, 0.0, 1.0);
        data.draw("g", 1, -0.4, 0.0);
        data.draw("trap", 1, 0.0, 1.0);
        const auto in = data.inputs();
        const auto out = findMethod("mamba3")->run(in, paramsOf("mamba3"), {});
        QVERIFY(out.ok());
        double state = 0.0;
        double before = 0.0;
        for (Index i = 0; i < 100; ++i) {
            const auto at = [&](const char* name) { return static_cast<double>((*in.array(name, {}))(i, 0)); };
            const double now = static_cast<double>(in.k.matrix({})(i, 0)) * static_cast<double>(in.v.matrix({})(i, 0));
            const double alpha = std::exp(at("g"));
            state = alpha * state + (1.0 - at("trap")) * at("dt") * alpha * before + at("trap") * at("dt") * now;
            before = now;
            QVERIFY(std::fabs(out->matrix()(i, 0) - state * static_cast<double>(in.q.matrix({})(i, 0))) < 1e-5);
        }
    }

    void anEqualTurnAtTheStartChangesNothing()
    {
        GatedInputs data({1, 1, 120, 120, 8, 4}, 133);
        data.draw("theta", 4, -1.0, 1.0);
        const Tensor map = mapOf("mamba3", data.inputs());
        for (Index c = 0; c < 4; ++c)
            data.arrays.at("theta").matrix()(0, c) += 0.7F;
        QVERIFY(!map.empty() && maxDifference(map, mapOf("mamba3", data.inputs())) < 1e-5);
    }
};

static const attnscope::tests::RegisterTest<TestMamba3> registered("test_mamba3");

#include "test_mamba3.moc"
