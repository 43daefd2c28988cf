// SPDX-License-Identifier: GPL-3.0-or-later
// Gated Linear Attention: its two limits, and the gates that it takes.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestGla : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void withoutDecayItIsLinearAttention()
    {
        const GatedInputs data({1, 1, 130, 150, 16, 4}, 51);
        const auto in = data.inputs();
        QVERIFY(relativeDifference(mapOf("gla", in, {{"g", "0"}}), linearMap(in, {}, 0.25)) < 1e-6);
    }

    void equalChannelsAreOneDecay()
    {
        GatedInputs data({1, 2, 200, 200, 24, 4}, 52);
        data.draw("g", 1, -0.5, 0.0);
        const Tensor scalar = mapOf("gla", data.inputs(), {}, {0, 1});
        const Tensor narrow = std::move(data.arrays.at("g"));
        Tensor wide(1, 2, 200, 24);
        for (Index h = 0; h < 2; ++h)
            for (Index t = 0; t < 200; ++t)
                std::fill_n(wide.matrix({0, h}).row(t), 24, narrow.matrix({0, h})(t, 0));
        data.arrays.insert_or_assign("g", std::move(wide));
        const Tensor vector = mapOf("gla", data.inputs(), {}, {0, 1});
        QVERIFY(!scalar.empty() && maxDifference(scalar, vector) < 1e-5);
    }

    void closedFormOfAChannel()
    {
        GatedInputs data({1, 1, 100, 100, 3, 1}, 53);
        data.draw("g", 3, -2.0, 0.0);
        const auto in = data.inputs();
        const Tensor map = mapOf("gla", in);
        const auto g = *in.array("g", {});
        for (const auto& [i, j] : {std::pair<Index, Index>{99, 70}, {64, 63}, {80, 80}, {17, 15}}) {
            double expected = 0.0;
            for (Index c = 0; c < 3; ++c) {
                double sum = 0.0;
                for (Index t = j + 1; t <= i; ++t)
                    sum += static_cast<double>(g(t, c));
                expected += static_cast<double>(in.q.matrix({})(i, c)) * static_cast<double>(in.k.matrix({})(j, c)) * std::exp(sum) /
                            std::sqrt(3.0);
            }
            QVERIFY(std::fabs(map.matrix()(i, j) - expected) < 1e-6);
        }
    }

    void gatesThatDontFitAreRefused()
    {
        GatedInputs data({1, 1, 30, 40, 8, 2}, 54);
        data.draw("g", 5, -1.0, 0.0);
        QCOMPARE(findMethod("gla")->run(data.inputs(), paramsOf("gla"), {}).error().code, Errc::InvalidShape);
        data.fill("g", 1, 0.5F);
        const auto growing = findMethod("gla")->run(data.inputs(), paramsOf("gla"), {});
        QCOMPARE(growing.error().code, Errc::InvalidParam);
        QVERIFY(growing.error().what.find("\"g\" holds 0.5 at token 0") != std::string::npos);
        data.arrays.insert_or_assign("g", Tensor(1, 1, 30, 1));
        QCOMPARE(findMethod("gla")->run(data.inputs(), paramsOf("gla"), {}).error().code, Errc::InvalidShape);
    }
};

static const attnscope::tests::RegisterTest<TestGla> registered("test_gla");

#include "test_gla.moc"
