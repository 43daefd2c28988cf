// SPDX-License-Identifier: GPL-3.0-or-later
// The lucidrains method against its definition for every preset, bucket and local window, and the facts its traps rest on.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("lucidrains-linear"); }

Tensor rounded(const DefinedMap& map)
{
    Tensor out(1, 1, map.rows, map.cols);
    std::transform(map.cells.begin(), map.cells.end(), out.data(), [](double x) { return static_cast<float>(x); });
    return out;
}

double rowSum(const Tensor& map, Index i)
{
    double sum = 0.0;
    for (const float x : map.matrix().rowSpan(i))
        sum += x;
    return sum;
}

} // namespace

class TestLucidrainsLinear : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsDefinition_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<bool>("causal");
        QTest::addColumn<int>("bucket");
        QTest::addColumn<int>("localHeads");
        QTest::addColumn<QString>("preset");
        for (const char* preset : {"literal", "row-normalised", "scaled-inputs"}) {
            QTest::addRow("bidirectional, %s", preset) << 120 << 150 << false << 1 << 0 << preset;
            for (const int bucket : {1, 7, 64, 500})
                QTest::addRow("causal, %s, bucket %d", preset, bucket) << 130 << 203 << true << bucket << 0 << preset;
        }
        QTest::newRow("local heads") << 131 << 150 << false << 1 << 3 << "literal";
        QTest::newRow("local heads, causal") << 131 << 150 << true << 16 << 3 << "literal";
        QTest::newRow("several segments") << 2300 << 2500 << true << 96 << 1 << "literal";
        QTest::newRow("one token") << 1 << 1 << true << 64 << 1 << "literal";
    }
    void equalsDefinition()
    {
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(bool, causal);
        QFETCH(int, bucket);
        QFETCH(int, localHeads);
        QFETCH(QString, preset);
        const auto data = randomInputs({1, 4, queries, keys, 19, 13}, 41, 1.0F, 2);
        const auto in = data.inputs(causal);
        const auto params = paramsOf("lucidrains-linear", {{"bucket", std::to_string(bucket)},
                                                           {"local-heads", std::to_string(localHeads)},
                                                           {"local-window", "20"},
                                                           {"preset", preset.toStdString()}});
        const auto out = method().run(in, params, {});
        QVERIFY(out.ok());
        for (const HeadRef head : {HeadRef{0, 0}, HeadRef{0, 3}}) {
            const Tensor expected = rounded(*method().define(in, head, params));
            const Tensor map = tests::mapOf(method(), in, head, params);
            QVERIFY(relativeGap(map.matrix(), expected.matrix()) < 1e-5);
            QVERIFY(smallest(map.matrix()) >= 0.0F);
            QVERIFY(relativeGap(out->matrix(head), timesValues(expected.matrix(), in.vOf(head)).matrix()) < 1e-5);
        }
    }

    void literalRowsSumToTheInverseRoot()
    {
        const auto data = randomInputs({1, 1, 90, 90, 64, 3}, 42);
        const Tensor literal = tests::mapOf("lucidrains-linear", data.inputs());
        const Tensor normalised = tests::mapOf("lucidrains-linear", data.inputs(), {{"preset", "row-normalised"}});
        for (Index i = 0; i < 90; ++i) {
            QVERIFY(std::abs(rowSum(literal, i) - 0.125) < 1e-6);
            QVERIFY(std::abs(rowSum(normalised, i) - 1.0) < 1e-5);
        }
        QVERIFY(relativeGap(normalised.matrix(), tests::mapOf("efficient", data.inputs()).matrix()) < 1e-6);
    }

    void firstBucketSeesNothing()
    {
        const auto data = randomInputs({1, 1, 200, 200, 16, 3}, 43);
        const auto params = paramsOf("lucidrains-linear", {{"bucket", "64"}});
        const auto out = method().run(data.inputs(true), params, {});
        const auto source = method().scores(data.inputs(true), {}, params, {});
        QVERIFY(out.ok() && source.ok());
        QVERIFY(std::all_of(out->data(), out->data() + 64 * 3, [](float x) { return x == 0.0F; }));
        const Tensor map = readWhole(**source);
        for (Index i = 0; i < 200; ++i)
            for (Index j = 0; j < 200; ++j)
                QVERIFY((map.matrix()(i, j) > 0.0F) == (j < i / 64 * 64));
        QVERIFY((*source)->isZero(64, 64, 64, 1) && !(*source)->isZero(64, 63, 1, 1));
    }

    void bucketOneEqualsTheNormalisedPrefix()
    {
        const auto data = randomInputs({1, 1, 60, 60, 8, 3}, 44);
        const Tensor map = tests::mapOf("lucidrains-linear", data.inputs(true));
        for (Index i = 0; i < 60; ++i)
            QVERIFY(std::abs(rowSum(map, i) - 1.0) < 1e-5);
    }

    void smallSumsAreClamped()
    {
        auto data = randomInputs({1, 1, 40, 40, 64, 3}, 45);
        for (float& x : data.k.values())
            x -= 8.0F;
        const Tensor literal = tests::mapOf("lucidrains-linear", data.inputs(true));
        const Tensor free = tests::mapOf("lucidrains-linear", data.inputs(true), {{"preset", "row-normalised"}});
        QVERIFY(rowSum(literal, 0) < 0.3 && rowSum(literal, 0) > 0.01);
        QVERIFY(std::abs(rowSum(free, 0) - 1.0) < 1e-5);
    }

    void largeKeysStayFinite()
    {
        auto data = randomInputs({1, 1, 150, 150, 8, 3}, 46, 60.0F);
        for (const char* bucket : {"1", "16"}) {
            const auto params = paramsOf("lucidrains-linear", {{"bucket", bucket}});
            const Tensor map = tests::mapOf(method(), data.inputs(true), {}, params);
            QVERIFY(relativeGap(map.matrix(), rounded(*method().define(data.inputs(true), {}, params)).matrix()) < 1e-4);
        }
    }

    void localHeadsNeedAPlaceForEveryQuery()
    {
        const auto data = randomInputs({1, 1, 9, 5, 4, 1}, 47);
        const auto out = method().run(data.inputs(), paramsOf("lucidrains-linear", {{"local-heads", "1"}}), {});
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::InvalidShape);
    }

    void cancelled()
    {
        const auto data = randomInputs({1, 2, 500, 500, 8, 8}, 48);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        for (const char* bucket : {"1", "32"}) {
            const auto params = paramsOf("lucidrains-linear", {{"bucket", bucket}, {"local-heads", "1"}});
            QCOMPARE(method().run(data.inputs(true), params, context).error().code, Errc::Cancelled);
            QCOMPARE(method().scores(data.inputs(true), {0, 1}, params, context).error().code, Errc::Cancelled);
        }
    }
};

static const attnscope::tests::RegisterTest<TestLucidrainsLinear> registered("test_lucidrains_linear");

#include "test_lucidrains_linear.moc"
