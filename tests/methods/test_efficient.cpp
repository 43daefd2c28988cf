// SPDX-License-Identifier: GPL-3.0-or-later
// Efficient Attention against its definition, and what follows from it: stochastic rows, rank d, shifts that don't matter.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("efficient"); }

/// softmax(q over features) softmax(k over positions)ᵀ, with plain exponentials.
Tensor definition(const Inputs& in, HeadRef head, double scale)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    std::vector<double> keySums(static_cast<std::size_t>(k.cols), 0.0);
    for (Index j = 0; j < k.rows; ++j)
        for (Index f = 0; f < k.cols; ++f)
            keySums[static_cast<std::size_t>(f)] += std::exp(scale * k(j, f));
    Tensor map(1, 1, q.rows, k.rows);
    for (Index i = 0; i < q.rows; ++i) {
        double querySum = 0.0;
        for (const double x : q.rowSpan(i))
            querySum += std::exp(scale * x);
        for (Index j = 0; j < k.rows; ++j) {
            double sum = 0.0;
            for (Index f = 0; f < k.cols; ++f)
                sum += std::exp(scale * q(i, f)) / querySum * std::exp(scale * k(j, f)) / keySums[static_cast<std::size_t>(f)];
            map.matrix()(i, j) = static_cast<float>(sum);
        }
    }
    return map;
}

} // namespace

class TestEfficient : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsDefinition_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<int>("kvHeads");
        QTest::addColumn<QString>("inputs");
        QTest::newRow("as given") << 333 << 257 << 2 << "as-given";
        QTest::newRow("scaled") << 100 << 301 << 4 << "scaled";
        QTest::newRow("several segments of keys") << 70 << 5003 << 1 << "as-given";
        QTest::newRow("one token") << 1 << 1 << 4 << "as-given";
    }
    void equalsDefinition()
    {
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(int, kvHeads);
        QFETCH(QString, inputs);
        const auto data = randomInputs({2, 4, queries, keys, 19, 13}, 31, 1.0F, kvHeads);
        const auto in = data.inputs();
        const auto params = paramsOf("efficient", {{"inputs", inputs.toStdString()}});
        const double scale = inputs == "scaled" ? std::pow(19.0, -0.25) : 1.0;
        const auto out = method().run(in, params, {});
        QVERIFY(out.ok());
        for (const HeadRef head : {HeadRef{0, 0}, HeadRef{1, 3}}) {
            const Tensor expected = definition(in, head, scale);
            const Tensor map = tests::mapOf(method(), in, head, params);
            QVERIFY(relativeGap(map.matrix(), expected.matrix()) < 1e-5);
            QVERIFY(rowSumGap(map.matrix()) < 1e-5);
            QVERIFY(smallest(map.matrix()) >= 0.0F);
            QVERIFY(relativeGap(out->matrix(head), timesValues(expected.matrix(), in.vOf(head)).matrix()) < 1e-5);
        }
    }

    void constantsAddedToKeyFeaturesChangeNothing()
    {
        auto data = randomInputs({1, 1, 80, 90, 12, 7}, 32);
        const auto before = method().run(data.inputs(), paramsOf("efficient"), {});
        for (Index j = 0; j < 90; ++j)
            for (Index f = 0; f < 12; ++f)
                data.k.matrix()(j, f) += 4.0F * static_cast<float>(f);
        const auto after = method().run(data.inputs(), paramsOf("efficient"), {});
        QVERIFY(before && after);
        QVERIFY(relativeGap(after->matrix(), before->matrix()) < 1e-5);
    }

    void hugeInputsStayFinite()
    {
        const auto data = randomInputs({1, 1, 200, 200, 6, 4}, 33, 400.0F);
        const Tensor map = tests::mapOf(method(), data.inputs(), {}, paramsOf("efficient"));
        QVERIFY(rowSumGap(map.matrix()) < 1e-5);
    }

    void threadsDoNotShow()
    {
        const auto data = randomInputs({1, 1, 5000, 5000, 16, 8}, 34);
        RunContext one;
        one.threads = 1;
        RunContext four;
        four.threads = 4;
        const auto a = method().run(data.inputs(), paramsOf("efficient"), one);
        const auto b = method().run(data.inputs(), paramsOf("efficient"), four);
        QVERIFY(a.ok() && b.ok());
        QVERIFY(std::equal(a->values().begin(), a->values().end(), b->values().begin()));
    }

    void zeroQueriesAverageTheFeatures()
    {
        auto data = randomInputs({1, 1, 3, 50, 8, 2}, 35);
        std::fill(data.q.values().begin(), data.q.values().end(), 0.0F);
        std::fill(data.k.values().begin(), data.k.values().end(), 0.7F);
        const Tensor map = tests::mapOf(method(), data.inputs(), {}, paramsOf("efficient"));
        for (const float x : map.values())
            QVERIFY(std::abs(x - 0.02F) < 1e-7F);
    }
};

static const attnscope::tests::RegisterTest<TestEfficient> registered("test_efficient");

#include "test_efficient.moc"
