// SPDX-License-Identifier: GPL-3.0-or-later
// Based: exact terms in the window, Taylor terms outside, one denominator; chunks, segments and long inputs.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("based"); }

Params with(std::vector<ParamText> given) { return *makeParams(method().info().params, given); }

/// Row `query` in float64, by the equation.
std::vector<double> definedRow(const Inputs& in, Index query, Index side)
{
    const auto q = in.qOf({});
    const auto k = in.kOf({});
    const Index place = query + k.rows - q.rows;
    std::vector<double> row(static_cast<std::size_t>(k.rows), 0.0);
    double sum = 0.0;
    for (Index j = 0; j < (in.causal ? place + 1 : k.rows); ++j) {
        double t = 0.0;
        for (Index c = 0; c < q.cols; ++c)
            t += static_cast<double>(q(query, c)) * k(j, c) * static_cast<double>(in.effectiveScale());
        sum += row[static_cast<std::size_t>(j)] = std::abs(place - j) <= side ? std::exp(t) : 1.0 + t + 0.5 * t * t;
    }
    for (double& x : row)
        x /= sum;
    return row;
}

} // namespace

class TestBased : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsTheEquation_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("side");
        for (const bool causal : {false, true})
            for (const int queries : {1, 130, 700})
                for (const int side : {0, 5, 128, 200, 900})
                    QTest::addRow("%s %d %d", causal ? "causal" : "bidirectional", queries, side) << causal << queries << side;
    }
    void equalsTheEquation()
    {
        QFETCH(bool, causal);
        QFETCH(int, queries);
        QFETCH(int, side);
        const auto data = randomInputs({1, 1, queries, 700, 7, 5}, 71);
        const auto in = data.inputs(causal);
        const auto params = with({{"window", std::to_string(side)}});
        const auto out = method().run(in, params, {});
        const Tensor map = mapOf(method(), in, {}, params);
        QVERIFY(out.ok() && !map.empty());
        for (Index i = 0; i < queries; i += 1 + queries / 50) {
            const auto row = definedRow(in, i, side);
            double size = 0.0;
            for (const double x : row)
                size = std::max(size, x);
            std::array<double, 5> sums{};
            for (Index j = 0; j < 700; ++j) {
                QVERIFY(std::abs(map.matrix()(i, j) - row[static_cast<std::size_t>(j)]) < 1e-5 * size);
                for (Index c = 0; c < 5; ++c)
                    sums[static_cast<std::size_t>(c)] += row[static_cast<std::size_t>(j)] * data.v.matrix()(j, c);
            }
            for (Index c = 0; c < 5; ++c)
                QVERIFY(std::abs(out->matrix()(i, c) - sums[static_cast<std::size_t>(c)]) < 1e-5);
        }
    }

    void wideWindowIsSoftmaxAndNoneIsAlmostTaylor()
    {
        const auto data = randomInputs({1, 2, 300, 300, 12, 6}, 72, 1.2F);
        for (const bool causal : {false, true}) {
            const auto exact = findMethod("softmax")->run(data.inputs(causal), {}, {});
            const auto wide = method().run(data.inputs(causal), with({{"window", "300"}}), {});
            QVERIFY(exact.ok() && wide.ok());
            for (const Index h : {0, 1})
                QVERIFY(relativeGap(wide->matrix({0, h}), exact->matrix({0, h})) < 1e-5);
        }
        // At the diagonal alone terms are exact: all others keep the ratios of the polynomial.
        const auto in = data.inputs();
        const Tensor none = mapOf(method(), in, {}, with({{"window", "0"}}));
        const Tensor taylor = mapOf(*findMethod("taylor"), in, {}, defaultParams(findMethod("taylor")->info().params));
        const double ratio = none.matrix()(9, 20) / taylor.matrix()(9, 20);
        for (const Index j : {0, 8, 10, 299})
            QVERIFY(std::abs(none.matrix()(9, j) / taylor.matrix()(9, j) / ratio - 1.0) < 1e-4);
    }

    /// Many chunks are shared by threads: the result is that of one.
    void segmentsJoin()
    {
        const auto data = randomInputs({1, 1, 3000, 3100, 6, 4}, 73);
        RunContext one;
        one.threads = 1;
        RunContext four;
        four.threads = 4;
        for (const bool causal : {false, true}) {
            const auto in = data.inputs(causal);
            const auto a = method().run(in, with({{"window", "70"}}), one);
            const auto b = method().run(in, with({{"window", "70"}}), four);
            QVERIFY(a.ok() && b.ok());
            QVERIFY(std::equal(a->values().begin(), a->values().end(), b->values().begin()));
            for (const Index i : {Index{0}, Index{1500}, Index{2999}}) {
                const auto row = definedRow(in, i, 70);
                double sum = 0.0;
                for (Index j = 0; j < 3100; ++j)
                    sum += row[static_cast<std::size_t>(j)] * data.v.matrix()(j, 2);
                QVERIFY(std::abs(a->matrix()(i, 2) - sum) < 2e-5);
            }
        }
    }

    void largeLogitsStayFinite()
    {
        const auto data = randomInputs({1, 1, 400, 400, 8, 4}, 74, 40.0F);
        for (const bool causal : {false, true}) {
            const Tensor map = mapOf(method(), data.inputs(causal), {}, with({{"window", "20"}}));
            QVERIFY(rowSumGap(map.matrix()) < 1e-3); // float32 logits of a thousand
            const auto out = method().run(data.inputs(causal), with({{"window", "20"}}), {});
            QVERIFY(out.ok());
            for (const float x : out->values())
                QVERIFY(std::isfinite(x));
        }
    }

    void fewerKeysThanQueriesAreRefused()
    {
        const auto data = randomInputs({1, 1, 9, 5, 4, 1}, 75);
        const auto out = method().run(data.inputs(), with({}), {});
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::InvalidShape);
        QCOMPARE(method().scores(data.inputs(), {}, with({}), {}).error().code, Errc::InvalidShape);
    }

    void theoryIsTheRemainder()
    {
        const auto data = randomInputs({1, 1, 60, 60, 8, 4}, 76);
        const auto curves = method().theory(data.inputs(), {}, with({{"dim", "3"}}), {});
        QVERIFY(curves.ok() && curves->size() == 1);
        QVERIFY(curves->front().caption.find("Dropped dimensions") != std::string::npos);
    }
};

static const attnscope::tests::RegisterTest<TestBased> registered("test_based");

#include "test_based.moc"
