// SPDX-License-Identifier: GPL-3.0-or-later
// cosFormer: the quadratic form, the cosine's limits, clamped rows.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <numbers>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("cosformer"); }

Params with(std::vector<ParamText> given) { return *makeParams(method().info().params, given); }

/// relu(q) relu(k)ᵀ times cos(π/2 (i - j)/M), rows divided by their clamped sums.
Tensor quadratic(const Inputs& in, double reach)
{
    const auto q = in.qOf({});
    const auto k = in.kOf({});
    Tensor map(1, 1, q.rows, k.rows);
    for (Index i = 0; i < q.rows; ++i) {
        const Index offset = in.causal ? k.rows - q.rows : 0;
        std::vector<double> row(static_cast<std::size_t>(k.rows), 0.0);
        double sum = 0.0;
        for (Index j = 0; j < (in.causal ? i + offset + 1 : k.rows); ++j) {
            double product = 0.0;
            for (Index c = 0; c < q.cols; ++c)
                product += std::max(0.0, static_cast<double>(q(i, c))) * std::max(0.0, static_cast<double>(k(j, c)));
            sum += row[static_cast<std::size_t>(j)] =
                product * std::cos(0.5 * std::numbers::pi * static_cast<double>(i + offset - j) / reach);
        }
        for (Index j = 0; j < k.rows; ++j)
            map.matrix()(i, j) = static_cast<float>(row[static_cast<std::size_t>(j)] / std::max(sum, 1e-6));
    }
    return map;
}

} // namespace

class TestCosformer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsTheQuadraticForm_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("length");
        for (const bool causal : {false, true})
            for (const int queries : {1, 180, 300})
                for (const int length : {0, 7, 1000})
                    QTest::addRow("%s %d %d", causal ? "causal" : "bidirectional", queries, length) << causal << queries << length;
    }
    void equalsTheQuadraticForm()
    {
        QFETCH(bool, causal);
        QFETCH(int, queries);
        QFETCH(int, length);
        const auto data = randomInputs({1, 1, queries, 300, 20, 5}, 51);
        const auto in = data.inputs(causal);
        const auto params = with({{"length", std::to_string(length)}});
        const Tensor expected = quadratic(in, std::max(300, length));
        QVERIFY(relativeGap(mapOf(method(), in, {}, params).matrix(), expected.matrix()) < 1e-5);
        const auto out = method().run(in, params, {});
        QVERIFY(out.ok());
        QVERIFY(relativeGap(out->matrix(), timesValues(expected.matrix(), in.vOf({})).matrix()) < 1e-5);
        QVERIFY(smallest(mapOf(method(), in, {}, params).matrix()) >= -1e-6F);
    }

    void longReachIsPlainReluAttention()
    {
        const auto data = randomInputs({1, 1, 60, 60, 12, 4}, 52);
        const Tensor far = mapOf(method(), data.inputs(), {}, with({{"length", "16777216"}}));
        QVERIFY(relativeGap(far.matrix(), quadratic(data.inputs(), 1e30).matrix()) < 1e-5);
    }

    /// A fixed length makes a causal row depend on what is before it alone, not on how much follows.
    void fixedLengthStreams()
    {
        const auto data = randomInputs({1, 1, 90, 90, 12, 4}, 53);
        auto prefix = data.inputs(true);
        prefix.q.shape[2] = prefix.k.shape[2] = prefix.v.shape[2] = 40;
        for (const auto& [length, same] : {std::pair{"256", true}, std::pair{"0", false}}) {
            const auto whole = method().run(data.inputs(true), with({{"length", length}}), {});
            const auto part = method().run(prefix, with({{"length", length}}), {});
            QVERIFY(whole.ok() && part.ok());
            QCOMPARE(relativeGap(whole->matrix().rowRange(0, 40), part->matrix()) < 1e-5, same);
        }
    }

    void queriesWithoutPositiveEntriesGetNothing()
    {
        auto data = randomInputs({1, 1, 30, 30, 8, 4}, 54);
        for (float& x : data.q.matrix().rowSpan(11))
            x = -std::abs(x);
        const auto out = method().run(data.inputs(), with({}), {});
        const Tensor map = mapOf(method(), data.inputs(), {}, with({}));
        QVERIFY(out.ok());
        for (Index c = 0; c < 4; ++c)
            QCOMPARE(out->matrix()(11, c), 0.0F);
        for (Index j = 0; j < 30; ++j)
            QCOMPARE(map.matrix()(11, j), 0.0F);
        const Tensor elu = mapOf(method(), data.inputs(), {}, with({{"activation", "elu"}}));
        QVERIFY(rowSumGap(elu.matrix()) < 1e-5);
    }

    /// Sums below 10⁻⁶ are divided by 10⁻⁶: tiny inputs give rows that sum to less than 1.
    void tinySumsAreClamped()
    {
        const auto data = randomInputs({1, 1, 20, 20, 8, 4}, 55, 1e-5F);
        const Tensor expected = quadratic(data.inputs(), 20);
        const Tensor map = mapOf(method(), data.inputs(), {}, with({}));
        QVERIFY(relativeGap(map.matrix(), expected.matrix()) < 1e-5);
        QVERIFY(rowSumGap(map.matrix()) > 0.9);
    }

    void saysThatThereIsNoBound()
    {
        const auto data = randomInputs({1, 1, 10, 10, 8, 4}, 56);
        const auto curves = method().theory(data.inputs(), {}, with({}), {});
        QVERIFY(curves.ok() && curves->size() == 1);
        QVERIFY(curves->front().x.empty() && curves->front().caption.ends_with('.'));
    }
};

static const attnscope::tests::RegisterTest<TestCosformer> registered("test_cosformer");

#include "test_cosformer.moc"
