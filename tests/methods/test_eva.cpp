// SPDX-License-Identifier: GPL-3.0-or-later
// EVA: its limits, what the correction corrects, its causal form chunk by chunk, and what it refuses.
#include "core/engine/eva.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

double relativeError(const Inputs& in, const std::vector<ParamText>& given)
{
    Matrix64 exact = exactMap(in, {});
    return frobeniusDifference(mapOf("eva", in, given), exact) / frobenius(exact);
}

} // namespace

class TestEva : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void singleKeysAsChunksAreExact()
    {
        for (const bool causal : {false, true}) {
            const auto data = randomInputs({1, 1, 60, 75, 16, 4}, 1);
            QVERIFY(relativeError(data.inputs(causal), {{"window", "0"}, {"chunk", "1"}}) < 1e-5);
            QVERIFY(relativeError(data.inputs(causal), {{"window", "0"}, {"chunk", "5"}}) > 1e-2);
        }
    }

    void oneWindowStillCountsTheChunks()
    {
        const auto data = randomInputs({1, 1, 64, 64, 16, 4}, 2);
        QVERIFY(relativeError(data.inputs(), {{"window", "64"}, {"chunk", "64"}}) > 1e-3);
        // Causally nothing counts twice within the first window of one chunk.
        QVERIFY(relativeError(data.inputs(true), {{"window", "64"}, {"chunk", "64"}}) < 1e-5);
    }

    void correctionMakesFlatAttentionFlat()
    {
        auto data = randomInputs({1, 1, 96, 96, 8, 4}, 3);
        std::fill(data.q.values().begin(), data.q.values().end(), 0.0F);
        std::fill(data.k.values().begin(), data.k.values().end(), 0.0F);
        const Tensor off = mapOf("eva", data.inputs(), {{"window", "16"}, {"chunk", "8"}});
        const Tensor on = mapOf("eva", data.inputs(), {{"window", "16"}, {"chunk", "8"}, {"correction", "on"}});
        // 16 local weights of 1 and 12 chunks of 1, or of 8 shared by 8 keys.
        QVERIFY(std::fabs(off.matrix()(40, 90) - 1.0 / (28.0 * 8.0)) < 1e-6);
        QVERIFY(std::fabs(off.matrix()(40, 35) - (1.0 + 1.0 / 8.0) / 28.0) < 1e-6);
        QVERIFY(std::fabs(on.matrix()(40, 90) - 1.0 / 112.0) < 1e-6);
        QVERIFY(std::fabs(on.matrix()(40, 35) - 2.0 / 112.0) < 1e-6);
    }

    void whatEachQuerySees()
    {
        const EvaLayout layout{20, 20, true, {8, 4, false}};
        QVERIFY(layout.local(13) == (KeyRange{8, 14}));
        QCOMPARE(layout.chunksSeen(13), 3);
        QCOMPARE(layout.chunksSeen(3), 0);
        const EvaLayout wideChunks{20, 20, true, {4, 8, false}};
        QVERIFY(wideChunks.local(13) == (KeyRange{8, 14})); // its own chunk is left out, so all of it is local
        const EvaLayout both{20, 20, false, {8, 4, false}};
        QVERIFY(both.local(17) == (KeyRange{16, 20}));
        QCOMPARE(both.chunksSeen(0), 5);
    }

    void officialPaddingLosesWeight()
    {
        auto data = randomInputs({1, 1, 20, 20, 8, 4}, 6);
        std::fill(data.q.values().begin(), data.q.values().end(), 0.0F);
        const auto sumOf = [&](const char* padding, bool causal) {
            const Tensor map = mapOf("eva", data.inputs(causal), {{"window", "16"}, {"chunk", "4"}, {"padding", padding}});
            double sum = 0.0;
            for (const float x : map.matrix().rowSpan(2))
                sum += x;
            return sum;
        };
        QVERIFY(std::fabs(sumOf("cut", false) - 1.0) < 1e-6);
        // All logits are 0: 16 keys, 5 chunks of keys and 3 of the 12 zeros.
        QVERIFY(std::fabs(sumOf("official", false) - 21.0 / 24.0) < 1e-6);
        QVERIFY(std::fabs(sumOf("official", true) - 1.0) < 1e-6); // zeros come after every query
    }

    void refusesMoreQueriesThanKeys()
    {
        const auto data = randomInputs({1, 1, 30, 20, 8, 4}, 4);
        const auto out = findMethod("eva")->run(data.inputs(), paramsOf("eva"), {});
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::InvalidShape);
        QVERIFY(!out.error().hint.empty());
    }

    void saysThatThereIsNoBound()
    {
        const auto data = randomInputs({1, 1, 30, 30, 8, 4}, 5);
        const auto curves = findMethod("eva")->theory(data.inputs(), {}, paramsOf("eva"), {});
        QVERIFY(curves.ok() && curves->size() == 1);
        QVERIFY(curves->front().x.empty() && QString::fromStdString(curves->front().caption).contains("16 times too much"));
    }
};

static const attnscope::tests::RegisterTest<TestEva> registered("test_eva");

#include "test_eva.moc"
