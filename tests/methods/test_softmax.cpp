// SPDX-License-Identifier: GPL-3.0-or-later
// Streaming softmax against the float64 reference: odd sizes, large logits, masks, merged halves.
#include "core/compute/dense.h"
#include "core/compute/streaming_softmax.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestSoftmax : public QObject {
    Q_OBJECT

private:
    static double outputError(const Inputs& in)
    {
        const auto out = findMethod("softmax")->run(in, {}, {});
        const auto truth = findMethod("softmax-reference")->run(in, {}, {});
        return out && truth ? maxDifference(*out, *truth) : INFINITY;
    }

private Q_SLOTS:
    void equalsTheReference_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<int>("dim");
        QTest::addColumn<int>("valueDim");
        QTest::addColumn<bool>("causal");
        QTest::newRow("one") << 1 << 1 << 1 << 1 << false;
        QTest::newRow("less than a block") << 13 << 29 << 40 << 7 << false;
        QTest::newRow("several blocks") << 300 << 517 << 64 << 80 << false;
        QTest::newRow("wide") << 70 << 130 << 257 << 3 << false;
        QTest::newRow("causal") << 333 << 333 << 40 << 64 << true;
        QTest::newRow("causal, more keys") << 65 << 400 << 32 << 33 << true;
    }
    void equalsTheReference()
    {
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(int, dim);
        QFETCH(int, valueDim);
        QFETCH(bool, causal);
        const auto data = randomInputs({2, 4, queries, keys, dim, valueDim}, 11, 1.0F, 2);
        // Rounding of float32 logits (|s| ~ 5, dim products) and sums of values ~ 1.
        QVERIFY(outputError(data.inputs(causal)) < 2e-6);
        const auto truth = exactMap(data.inputs(causal), {1, 3});
        QVERIFY(maxDifference(mapOf("softmax", data.inputs(causal), {}, {1, 3}), truth) < 2e-6);
    }

    void survivesHugeLogits()
    {
        auto data = randomInputs({1, 1, 40, 50, 8, 4}, 12);
        for (float& x : data.q.values())
            x *= 4000.0F;
        double top = 0.0;
        for (Index i = 0; i < 40; ++i)
            for (Index j = 0; j < 50; ++j) {
                double dot = 0.0;
                for (Index c = 0; c < 8; ++c)
                    dot += static_cast<double>(data.q.matrix()(i, c)) * data.k.matrix()(j, c) / std::sqrt(8.0);
                top = std::max(top, std::fabs(dot));
            }
        QVERIFY(top > 1e4);
        // A logit of 1e4 is rounded by up to 1e4 * 2^-24 a term: weights are good to about 1e-2, and nothing overflows.
        QVERIFY(outputError(data.inputs()) < 2e-2);
    }

    void shiftOfARowShiftsItsNormAlone()
    {
        const auto data = randomInputs({1, 1, 64, 200, 16, 16}, 13);
        auto shifted = randomInputs({1, 1, 64, 200, 17, 16}, 13);
        for (Index i = 0; i < 64; ++i)
            for (Index c = 0; c < 17; ++c)
                shifted.q.matrix()(i, c) = c < 16 ? data.q.matrix()(i, c) : static_cast<float>(i);
        for (Index j = 0; j < 200; ++j)
            for (Index c = 0; c < 17; ++c)
                shifted.k.matrix()(j, c) = c < 16 ? data.k.matrix()(j, c) : 0.5F;
        std::array<RowNorm, 64> plain;
        std::array<RowNorm, 64> moved;
        const KeySupport all = fullSupport(64, 200, false);
        streamQueries({data.q.matrix(), data.k.matrix(), {}, 0.25F, all}, 0, 64, {}, plain.data());
        streamQueries({shifted.q.matrix(), shifted.k.matrix(), {}, 0.25F, all}, 0, 64, {}, moved.data());
        for (std::size_t i = 0; i < 64; ++i)
            QVERIFY(std::fabs(moved[i].max + std::log(moved[i].sum) - plain[i].max - std::log(plain[i].sum) -
                              0.125 * static_cast<double>(i)) < 2e-6);
    }

    void halvesMergeToTheWhole()
    {
        const auto data = randomInputs({1, 1, 64, 300, 24, 24}, 14);
        const auto norm = [&](Index first, Index count) {
            std::array<RowNorm, 64> norms;
            streamQueries({data.q.matrix(), data.k.matrix().rowRange(first, count), {}, 0.2F, fullSupport(64, count, false)}, 0, 64, {},
                          norms.data());
            std::vector<double> lse;
            for (const auto& n : norms)
                lse.push_back(n.max + std::log(n.sum));
            return lse;
        };
        const auto whole = norm(0, 300);
        const auto first = norm(0, 111);
        const auto second = norm(111, 189);
        for (std::size_t i = 0; i < 64; ++i)
            QVERIFY(std::fabs(logAddExp(first[i], second[i]) - whole[i]) < 2e-6);
    }

    void orderOfKeysDoesNotMatter()
    {
        const auto data = randomInputs({1, 1, 50, 333, 16, 8}, 15);
        auto turned = randomInputs({1, 1, 50, 333, 16, 8}, 15);
        for (Index j = 0; j < 333; ++j) {
            std::copy_n(data.k.matrix().row(332 - j), 16, turned.k.matrix().row(j));
            std::copy_n(data.v.matrix().row(332 - j), 8, turned.v.matrix().row(j));
        }
        const auto a = findMethod("softmax")->run(data.inputs(), {}, {});
        const auto b = findMethod("softmax")->run(turned.inputs(), {}, {});
        QVERIFY(a.ok() && b.ok());
        QVERIFY(maxDifference(*a, *b) < 1e-6);
    }

    void resultDoesNotDependOnThreads()
    {
        const auto data = randomInputs({2, 3, 150, 150, 16, 8}, 16);
        RunContext one;
        one.threads = 1;
        RunContext two;
        two.threads = 2;
        QCOMPARE(
            maxDifference(*findMethod("softmax")->run(data.inputs(true), {}, one), *findMethod("softmax")->run(data.inputs(true), {}, two)),
            0.0);
    }
};

static const attnscope::tests::RegisterTest<TestSoftmax> registered("test_softmax");

#include "test_softmax.moc"
