// SPDX-License-Identifier: GPL-3.0-or-later
// Gated DeltaNet: DeltaNet where nothing decays, and no gates per channel.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestGatedDeltanet : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void withoutDecayItIsDeltaNet()
    {
        GatedInputs data({1, 2, 180, 200, 16, 4}, 81, 1.0F, 1);
        data.draw("beta", 1, 0.0, 1.0);
        const auto in = data.inputs();
        const Tensor gated = mapOf("gated-deltanet", in, {{"g", "0"}}, {0, 1});
        const Tensor plain = mapOf("deltanet", in, {}, {0, 1});
        QVERIFY(!plain.empty() && maxDifference(gated, plain) < 1e-6);
    }

    void gatesPerChannelAreRefused()
    {
        GatedInputs data({1, 1, 30, 30, 8, 2}, 82);
        data.draw("g", 8, -1.0, 0.0);
        const auto out = findMethod("gated-deltanet")->run(data.inputs(), paramsOf("gated-deltanet"), {});
        QCOMPARE(out.error().code, Errc::InvalidShape);
        QVERIFY(out.error().what.find("takes 1") != std::string::npos);
    }
};

static const attnscope::tests::RegisterTest<TestGatedDeltanet> registered("test_gated_deltanet");

#include "test_gated_deltanet.moc"
