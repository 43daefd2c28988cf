// SPDX-License-Identifier: GPL-3.0-or-later
// The Linear Transformer against its equations in float64, its invariants, and inputs that overflow naive code.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

double feature(double x) { return x > 0.0 ? x + 1.0 : std::exp(x); }

/// The implied map of one head by its definition.
Tensor definition(const Inputs& in, HeadRef head)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    Tensor map(1, 1, q.rows, k.rows);
    for (Index i = 0; i < q.rows; ++i) {
        const Index visible = in.causal ? i + 1 + k.rows - q.rows : k.rows;
        std::vector<double> row(static_cast<std::size_t>(k.rows), 0.0);
        double sum = 0.0;
        for (Index j = 0; j < visible; ++j) {
            for (Index c = 0; c < q.cols; ++c)
                row[static_cast<std::size_t>(j)] += feature(q(i, c)) * feature(k(j, c));
            sum += row[static_cast<std::size_t>(j)];
        }
        std::transform(row.begin(), row.end(), map.matrix().row(i), [sum](double x) { return static_cast<float>(x / sum); });
    }
    return map;
}

const AttentionMethod& method() { return *findMethod("linear-elu"); }

} // namespace

class TestLinearElu : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsDefinition_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<bool>("causal");
        QTest::addColumn<int>("kvHeads");
        QTest::newRow("bidirectional") << 333 << 257 << false << 2;
        QTest::newRow("causal") << 301 << 301 << true << 4;
        QTest::newRow("causal, grouped, more keys than queries") << 200 << 461 << true << 2;
        QTest::newRow("one token") << 1 << 1 << true << 4;
        QTest::newRow("one query, many keys") << 1 << 3000 << true << 1;
    }
    void equalsDefinition()
    {
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(bool, causal);
        QFETCH(int, kvHeads);
        const auto data = randomInputs({2, 4, queries, keys, 19, 13}, 11, 1.0F, kvHeads);
        const auto in = data.inputs(causal);
        const auto out = method().run(in, defaultParams({}), {});
        QVERIFY(out.ok());
        for (const HeadRef head : {HeadRef{0, 0}, HeadRef{1, 3}}) {
            const Tensor expected = definition(in, head);
            const Tensor map = mapOf(method(), in, head, defaultParams({}));
            QVERIFY(relativeGap(map.matrix(), expected.matrix()) < 1e-5);
            QVERIFY(rowSumGap(map.matrix()) < 1e-5);
            QVERIFY(relativeGap(out->matrix(head), timesValues(expected.matrix(), in.vOf(head)).matrix()) < 1e-5);
        }
    }

    void segmentsAndThreadsDoNotShow()
    {
        const auto data = randomInputs({1, 1, 5000, 5000, 16, 8}, 12);
        for (const bool causal : {false, true}) {
            RunContext one;
            one.threads = 1;
            RunContext four;
            four.threads = 4;
            const auto a = method().run(data.inputs(causal), defaultParams({}), one);
            const auto b = method().run(data.inputs(causal), defaultParams({}), four);
            QVERIFY(a.ok() && b.ok());
            QVERIFY(std::equal(a->values().begin(), a->values().end(), b->values().begin()));
        }
    }

    void segmentsEqualDefinition()
    {
        const auto data = randomInputs({1, 1, 2500, 2500, 8, 4}, 13);
        const auto in = data.inputs(true);
        const auto out = method().run(in, defaultParams({}), {});
        QVERIFY(out.ok());
        QVERIFY(relativeGap(out->matrix(), timesValues(definition(in, {}).matrix(), in.vOf({})).matrix()) < 1e-5);
    }

    void zeroQueriesAttendUniformly()
    {
        auto data = randomInputs({1, 1, 9, 9, 5, 3}, 14);
        std::fill(data.k.values().begin(), data.k.values().end(), 0.7F);
        const Tensor map = mapOf(method(), data.inputs(true), {}, defaultParams({}));
        for (Index i = 0; i < 9; ++i)
            for (Index j = 0; j < 9; ++j)
                QVERIFY(std::abs(map.matrix()(i, j) - (j <= i ? 1.0F / static_cast<float>(i + 1) : 0.0F)) < 1e-6F);
    }

    void scaleHasNoEffect()
    {
        const auto data = randomInputs({1, 2, 40, 40, 8, 8}, 15);
        auto in = data.inputs(true);
        const auto a = method().run(in, defaultParams({}), {});
        in.scale = 3.0F;
        const auto b = method().run(in, defaultParams({}), {});
        QVERIFY(a.ok() && b.ok());
        QVERIFY(std::equal(a->values().begin(), a->values().end(), b->values().begin()));
        QVERIFY(method().info().summary.find("scale") != std::string::npos);
    }

    void futureTokensDoNotMatter()
    {
        auto data = randomInputs({1, 1, 300, 300, 8, 8}, 16);
        const auto before = method().run(data.inputs(true), defaultParams({}), {});
        for (Index j = 150; j < 300; ++j)
            for (Index c = 0; c < 8; ++c) {
                data.k.matrix()(j, c) += 50.0F;
                data.v.matrix()(j, c) -= 9.0F;
            }
        const auto after = method().run(data.inputs(true), defaultParams({}), {});
        QVERIFY(before.ok() && after.ok());
        QVERIFY(relativeGap(after->matrix().rowRange(0, 150), before->matrix().rowRange(0, 150)) < 1e-6);
    }

    void hugeInputsStayFiniteAndPositive()
    {
        const auto data = randomInputs({1, 1, 200, 200, 6, 4}, 17, 400.0F);
        for (const bool causal : {false, true}) {
            const auto in = data.inputs(causal);
            const Tensor expected = definition(in, {});
            const Tensor map = mapOf(method(), in, {}, defaultParams({}));
            QVERIFY(relativeGap(map.matrix(), expected.matrix()) < 1e-5);
            QVERIFY(smallest(map.matrix()) >= 0.0F);
        }
    }

    void cancelled()
    {
        const auto data = randomInputs({1, 1, 500, 500, 8, 8}, 18);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        for (const bool causal : {false, true}) {
            const auto out = method().run(data.inputs(causal), defaultParams({}), context);
            QVERIFY(!out.ok());
            QCOMPARE(out.error().code, Errc::Cancelled);
        }
    }
};

static const attnscope::tests::RegisterTest<TestLinearElu> registered("test_linear_elu");

#include "test_linear_elu.moc"
