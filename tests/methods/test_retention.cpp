// SPDX-License-Identifier: GPL-3.0-or-later
// Retention: its schedule of heads, its row sums, and linear attention where nothing decays.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestRetention : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void withoutDecayItIsLinearAttention()
    {
        const GatedInputs data({1, 1, 150, 170, 16, 4}, 31);
        const auto in = data.inputs();
        QVERIFY(relativeDifference(mapOf("retention", in, {{"gamma", "1"}}), linearMap(in, {}, 0.25)) < 1e-6);
    }

    void headsFollowThePublishedSchedule()
    {
        const GatedInputs data({1, 8, 90, 90, 4, 2}, 32);
        const auto in = data.inputs();
        for (const Index h : {0, 3, 7}) {
            const Tensor map = mapOf("retention", in, {}, {0, h});
            const double gamma = 1.0 - std::pow(2.0, -5.0 - static_cast<double>(h));
            Matrix64 expected = linearMap(in, {0, h}, 0.5);
            for (Index i = 0; i < 90; ++i)
                for (Index j = 0; j <= i; ++j)
                    expected(i, j) *= std::pow(gamma, static_cast<double>(i - j));
            QVERIFY(relativeDifference(map, expected) < 1e-6);
        }
    }

    void aHeadTakenOutKeepsItsDecay()
    {
        const auto data = randomInputs({1, 8, 60, 60, 4, 2}, 35);
        const Tensor expected = mapOf("retention", data.inputs(true), {}, {0, 5});
        Inputs one = data.inputs(true);
        for (auto* view : {&one.q, &one.k, &one.v}) {
            view->data += 5 * view->strides[1];
            view->shape[1] = 1;
        }
        one.firstHead = 5;
        one.layerHeads = 8;
        QVERIFY(!expected.empty() && maxDifference(mapOf("retention", one), expected) == 0.0);
        QVERIFY(maxDifference(mapOf("lightning", one), mapOf("lightning", data.inputs(true), {}, {0, 5})) == 0.0);
    }

    void equalScoresSumToAGeometricSeries()
    {
        GatedInputs data({1, 1, 300, 300, 4, 1}, 33);
        for (Tensor* x : {&data.data.q, &data.data.k})
            for (Index i = 0; i < 300; ++i)
                for (Index c = 0; c < 4; ++c)
                    x->matrix()(i, c) = c == 0 ? std::sqrt(2.0F) : 0.0F; // q . k / sqrt(4) = 1
        const Tensor map = mapOf("retention", data.inputs(), {{"gamma", "0.9"}});
        for (const Index i : {0, 5, 100, 299}) {
            double sum = 0.0;
            for (const float x : map.matrix().rowSpan(i))
                sum += static_cast<double>(x);
            QVERIFY(std::fabs(sum - (1.0 - std::pow(0.9, static_cast<double>(i + 1))) / 0.1) < 1e-5);
        }
    }

    void halfLivesAreThePublishedOnes()
    {
        const GatedInputs data({1, 8, 64, 64, 4, 2}, 34);
        const auto curves = findMethod("retention")->theory(data.inputs(), {0, 0}, paramsOf("retention"), {});
        QVERIFY(curves.ok() && curves->size() == 2);
        QCOMPARE(curves->front().title, std::string("Half-life"));
        QVERIFY(curves->front().caption.find("21.8 tokens") != std::string::npos);
    }
};

static const attnscope::tests::RegisterTest<TestRetention> registered("test_retention");

#include "test_retention.moc"
