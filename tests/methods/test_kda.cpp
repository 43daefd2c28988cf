// SPDX-License-Identifier: GPL-3.0-or-later
// Kimi Delta Attention: equal channels are Gated DeltaNet, no erasure is GLA, decay comes before correction.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestKda : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalChannelsAreGatedDeltaNet()
    {
        GatedInputs data({1, 1, 200, 200, 16, 4}, 91);
        data.draw("beta", 1, 0.0, 1.0);
        data.draw("g", 1, -0.3, 0.0);
        const auto in = data.inputs();
        const Tensor scalar = mapOf("gated-deltanet", in);
        const Tensor narrow = std::move(data.arrays.at("g"));
        Tensor wide(1, 1, 200, 16);
        for (Index t = 0; t < 200; ++t)
            std::fill_n(wide.matrix().row(t), 16, narrow.matrix()(t, 0));
        data.arrays.insert_or_assign("g", std::move(wide));
        const Tensor vector = mapOf("kda", data.inputs());
        QVERIFY(!scalar.empty() && maxDifference(scalar, vector) < 2e-6);
    }

    void correctionReadsTheDecayedState()
    {
        // Two tokens along one key: S = b v0 e^g, then what is left of it is replaced by the share beta.
        GatedInputs data({1, 1, 2, 2, 2, 1}, 92);
        for (Tensor* x : {&data.data.q, &data.data.k})
            for (Index t = 0; t < 2; ++t) {
                x->matrix()(t, 0) = 1.0F;
                x->matrix()(t, 1) = 0.0F;
            }
        const double decay = std::exp(-0.5);
        const Tensor map = mapOf("kda", data.inputs(), {{"g", "-0.5"}, {"beta", "0.25"}});
        const double scale = 1.0 / std::sqrt(2.0);
        QVERIFY(std::fabs(map.matrix()(1, 0) - scale * 0.25 * decay * 0.75) < 1e-6);
        QVERIFY(std::fabs(map.matrix()(1, 1) - scale * 0.25) < 1e-6);
    }

    void channelsMayDecayAtVeryDifferentRates()
    {
        GatedInputs data({1, 1, 300, 300, 8, 2}, 93);
        data.draw("g", 8, -60.0, 0.0);
        const auto in = data.inputs();
        const Tensor map = mapOf("kda", in);
        const auto defined = findMethod("kda")->define(in, {}, paramsOf("kda"));
        QVERIFY(defined.ok() && !map.empty());
        for (Index i = 0; i < 300; ++i)
            for (Index j = 0; j < 300; ++j)
                QVERIFY(std::fabs(map.matrix()(i, j) - defined->at(i, j)) < 1e-6);
    }
};

static const attnscope::tests::RegisterTest<TestKda> registered("test_kda");

#include "test_kda.moc"
