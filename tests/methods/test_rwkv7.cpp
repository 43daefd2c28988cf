// SPDX-License-Identifier: GPL-3.0-or-later
// RWKV-7: without correction it is gated linear attention, with it and without decay a delta rule.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestRwkv7 : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void withoutCorrectionItIsGla()
    {
        GatedInputs data({1, 1, 180, 190, 16, 4}, 111);
        data.draw("g", 16, -0.6, 0.0);
        const auto in = data.inputs();
        Tensor gla = mapOf("gla", in);
        for (float& x : gla.values())
            x *= 4.0F; // gla is scaled by 1/sqrt(16)
        QVERIFY(!gla.empty() && maxDifference(mapOf("rwkv7", in, {{"a", "0"}}), gla) < 1e-5);
    }

    void withoutDecayAndWithUnitKeysItErasesAsDeltaNetDoes()
    {
        GatedInputs data({1, 1, 150, 150, 16, 4}, 112);
        for (Index t = 0; t < 150; ++t) {
            double square = 0.0;
            for (const float x : data.data.k.matrix().rowSpan(t))
                square += static_cast<double>(x) * static_cast<double>(x);
            for (Index c = 0; c < 16; ++c)
                data.data.k.matrix()(t, c) = static_cast<float>(static_cast<double>(data.data.k.matrix()(t, c)) / std::sqrt(square));
        }
        Tensor delta = mapOf("deltanet", data.inputs(), {{"beta", "1"}});
        for (float& x : delta.values())
            x *= 4.0F;
        QVERIFY(!delta.empty() && maxDifference(mapOf("rwkv7", data.inputs(), {{"g", "0"}, {"a", "1"}}), delta) < 1e-5);
    }

    void bonusRaisesTheOwnCell()
    {
        GatedInputs data({1, 1, 70, 90, 8, 4}, 113);
        data.draw("u", 8, -1.0, 1.0);
        data.draw("kappa", 8, -1.0, 1.0);
        const auto in = data.inputs();
        const Tensor map = mapOf("rwkv7", in);
        const auto u = *in.array("u", {});
        for (const Index i : {0, 43, 44, 69}) {
            double expected = 0.0;
            for (Index c = 0; c < 8; ++c)
                expected += static_cast<double>(in.q.matrix({})(i, c)) * static_cast<double>(in.k.matrix({})(i + 20, c)) *
                            (1.0 + static_cast<double>(u(i + 20, c)));
            QVERIFY(std::fabs(map.matrix()(i, i + 20) - expected) < 1e-5);
        }
    }
};

static const attnscope::tests::RegisterTest<TestRwkv7> registered("test_rwkv7");

#include "test_rwkv7.moc"
