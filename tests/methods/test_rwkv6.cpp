// SPDX-License-Identifier: GPL-3.0-or-later
// RWKV-6: it reads the previous state, and its own token by the bonus alone.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestRwkv6 : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void withoutBonusATokenDoesNotSeeItself()
    {
        GatedInputs data({1, 1, 140, 150, 8, 4}, 101);
        data.draw("w", 8, -1.0, 0.0);
        const Tensor map = mapOf("rwkv6", data.inputs(), {{"u", "0"}});
        QVERIFY(!map.empty());
        for (Index i = 0; i < 140; ++i)
            QCOMPARE(map.matrix()(i, i + 10), 0.0F);
    }

    void withoutDecayAndWithBonusOneItIsLinearAttention()
    {
        const GatedInputs data({1, 1, 140, 150, 8, 4}, 102);
        const auto in = data.inputs();
        QVERIFY(relativeDifference(mapOf("rwkv6", in, {{"g", "0"}, {"u", "1"}}), linearMap(in, {}, 1.0)) < 1e-6);
    }

    void previousTokenHasNotDecayed()
    {
        GatedInputs data({1, 1, 100, 100, 4, 2}, 103);
        data.draw("w", 4, -3.0, -1.0);
        data.draw("u", 4, -1.0, 1.0);
        const auto in = data.inputs();
        const Tensor map = mapOf("rwkv6", in);
        const auto w = *in.array("w", {});
        for (const Index i : {1, 17, 64, 65, 99}) {
            double before = 0.0;
            double two = 0.0;
            for (Index c = 0; c < 4; ++c) {
                const double q = in.q.matrix({})(i, c);
                before += q * static_cast<double>(in.k.matrix({})(i - 1, c));
                two += i < 2 ? 0.0 : q * static_cast<double>(in.k.matrix({})(i - 2, c)) * std::exp(static_cast<double>(w(i - 1, c)));
            }
            QVERIFY(std::fabs(map.matrix()(i, i - 1) - before) < 1e-5);
            QVERIFY(i < 2 || std::fabs(map.matrix()(i, i - 2) - two) < 1e-5);
        }
    }
};

static const attnscope::tests::RegisterTest<TestRwkv6> registered("test_rwkv6");

#include "test_rwkv6.moc"
