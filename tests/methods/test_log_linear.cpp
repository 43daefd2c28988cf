// SPDX-License-Identifier: GPL-3.0-or-later
// Log-linear attention: levels by exclusive or, its limits, arrays of the input, long and strongly decaying inputs.
#include "core/engine/fenwick.h"
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("log-linear"); }

Params with(std::vector<ParamText> given = {}) { return *makeParams(method().info().params, given); }

/// Of map cells, relative to the largest.
double gapToDefinition(const Inputs& in, HeadRef head, const Params& params)
{
    const auto defined = method().define(in, head, params);
    Tensor expected(1, 1, in.q.rows(), in.k.rows());
    std::transform(defined->cells.begin(), defined->cells.end(), expected.values().begin(), [](double x) { return static_cast<float>(x); });
    return relativeGap(mapOf(method(), in, head, params).matrix(), expected.matrix());
}

double outputGap(const Tensor& a, const Tensor& b)
{
    double gap = 0.0;
    for (Index h = 0; h < a.batch() * a.heads(); ++h)
        gap = std::max(gap, relativeGap(a.matrix({h / a.heads(), h % a.heads()}), b.matrix({h / a.heads(), h % a.heads()})));
    return gap;
}

Tensor filled(Index heads, Index rows, Index cols, std::uint64_t seed, float from, float to)
{
    Tensor made(1, heads, rows, cols);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<float> uniform(from, to);
    std::generate(made.values().begin(), made.values().end(), [&] { return uniform(random); });
    return made;
}

} // namespace

class TestLogLinear : public QObject {
    Q_OBJECT

private Q_SLOTS:
    /// What a token sees at each level, as the levels are built: split off by the lowest set bit.
    void loglinearXorLevel()
    {
        for (Index i = 0; i < 300; ++i) {
            QCOMPARE(fenwickLevel(i, i), 0);
            Index first = i;
            while (first > 0) {
                const Index length = first & -first;
                for (Index j = first - length; j < first; ++j) {
                    const int level = fenwickLevel(i, j);
                    QCOMPARE(Index{1} << (level - 1), length);
                    QVERIFY(fenwickRange(i, level) == (KeyRange{first - length, first}));
                    QVERIFY(level < fenwickLevels(i + 1));
                }
                first -= length;
            }
        }
        QVERIFY(fenwickRange(5, 2).size() == 0); // 5 = 101: one token at level 1, four at level 3
        QVERIFY(fenwickRange(5, 3) == (KeyRange{0, 4}));
    }

    void equalLevelsAreLinearAttentionWithDecay()
    {
        const auto data = randomInputs({1, 2, 300, 300, 12, 7}, 31);
        const auto in = data.inputs(true);
        for (const char* g : {"0", "-0.2"}) {
            const Tensor map = mapOf(method(), in, {0, 1}, with({{"g", g}, {"ratio", "1"}, {"lambda", "0.5"}}));
            double worst = 0.0;
            for (Index i = 0; i < 300; ++i)
                for (Index j = 0; j <= i; ++j) {
                    double sum = 0.0;
                    for (Index c = 0; c < 12; ++c)
                        sum += static_cast<double>(data.q.matrix({0, 1})(i, c)) * data.k.matrix({0, 1})(j, c);
                    sum *= 0.5 * std::exp(std::stod(g) * static_cast<double>(i - j));
                    worst = std::max(worst, std::abs(sum - map.matrix()(i, j)));
                }
            QVERIFY2(worst < 1e-5, qPrintable(QString::number(worst)));
        }
    }

    void ratioZeroLeavesTheDiagonal()
    {
        const auto data = randomInputs({1, 1, 150, 150, 8, 4}, 32);
        const auto out = method().run(data.inputs(true), with({{"ratio", "0"}}), {});
        QVERIFY(out.ok());
        for (Index i = 0; i < 150; ++i) {
            double sum = 0.0;
            for (Index c = 0; c < 8; ++c)
                sum += static_cast<double>(data.q.matrix()(i, c)) * data.k.matrix()(i, c);
            for (Index c = 0; c < 4; ++c)
                QVERIFY(std::abs(out->matrix()(i, c) - sum * data.v.matrix()(i, c)) < 1e-5);
        }
    }

    void formsAgree_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        for (const auto& [n, m] : {std::pair{1, 1}, {1, 300}, {127, 127}, {128, 128}, {129, 129}, {300, 777}, {1030, 1030}})
            QTest::addRow("%d of %d", n, m) << n << m;
    }
    void formsAgree()
    {
        QFETCH(int, queries);
        QFETCH(int, keys);
        const auto data = randomInputs({2, 2, queries, keys, 9, 14}, 33, 1.0F, 1);
        const auto in = data.inputs(true);
        const auto out = method().run(in, with(), {});
        QVERIFY(out.ok());
        for (const auto& form : method().otherForms()) {
            const auto other = method().runForm(form, in, with(), {});
            QVERIFY(other.ok());
            const double gap = outputGap(*other, *out);
            QVERIFY2(gap < 2e-6, qPrintable(QString("%1: %2").arg(form.c_str()).arg(gap)));
        }
        QVERIFY(gapToDefinition(in, {1, 1}, with()) < 1e-6);
        QCOMPARE(method().runForm("none", in, with(), {}).error().code, Errc::Unsupported);
    }

    void arraysOfTheInputCount()
    {
        const auto data = randomInputs({1, 2, 200, 260, 8, 5}, 34);
        const Tensor g = filled(2, 260, 1, 35, -0.4F, 0.0F);
        for (const Index rows : {Index{260}, Index{200}, Index{1}})
            for (const Index levels : {1, 10}) {
                const Tensor lambda = filled(1, rows, levels, 36, 0.0F, 2.0F);
                auto in = data.inputs(true);
                in.arrays = {{"g", g.view()}, {"lambda", lambda.view()}};
                QVERIFY(gapToDefinition(in, {0, 1}, with()) < 1e-6);
                const auto out = method().run(in, with({{"g", "-3"}, {"lambda", "9"}}), {}); // which the arrays replace
                const auto recurrent = method().runForm("recurrent", in, with(), {});
                QVERIFY(out && recurrent);
                QVERIFY(outputGap(*out, *recurrent) < 2e-6);
            }
    }

    void arraysThatDoNotFitAreRefused()
    {
        const auto data = randomInputs({1, 1, 40, 40, 8, 5}, 37);
        const Tensor wide = filled(1, 40, 8, 38, -1.0F, 0.0F);
        const Tensor few = filled(1, 40, 6, 39, 0.0F, 1.0F); // 40 keys have 7 levels
        for (const auto& [name, array] : {std::pair{"g", &wide}, {"lambda", &few}}) {
            auto in = data.inputs(true);
            in.arrays = {{name, array->view()}};
            for (const auto& error : {method().run(in, with(), {}).error(), method().scores(in, {}, with(), {}).error()}) {
                QCOMPARE(error.code, Errc::InvalidShape);
                QVERIFY(error.what.find(name) != std::string::npos && !error.hint.empty());
            }
        }
        const Tensor growing = filled(1, 40, 1, 40, 0.1F, 0.2F);
        auto in = data.inputs(true);
        in.arrays = {{"g", growing.view()}};
        QCOMPARE(method().run(in, with(), {}).error().code, Errc::InvalidParam);
    }

    /// Sums of decays far beyond what float32 can raise e to, and gates that forget all at once.
    void strongDecaysStayFinite()
    {
        const auto data = randomInputs({1, 1, 3000, 3000, 4, 3}, 40);
        Tensor g(1, 1, 3000, 1);
        for (Index j = 0; j < 3000; ++j)
            g.matrix()(j, 0) = j % 500 == 77 ? -200.0F : j % 100 < 50 ? -1.0F : -0.01F;
        auto in = data.inputs(true);
        in.arrays = {{"g", g.view()}};
        const auto out = method().run(in, with(), {});
        const auto recurrent = method().runForm("recurrent", in, with(), {});
        QVERIFY(out && recurrent);
        QVERIFY(outputGap(*out, *recurrent) < 2e-6);
    }

    void theoryDrawsTheWeightByDistance()
    {
        const auto data = randomInputs({1, 1, 200, 200, 8, 3}, 42);
        const auto decayed = method().theory(data.inputs(true), {}, with({{"g", "-0.1"}, {"ratio", "1"}}), {});
        const auto levels = method().theory(data.inputs(true), {}, with({{"g", "0"}, {"ratio", "0.5"}}), {});
        QVERIFY(decayed && levels);
        for (std::size_t i = 0; i < decayed->front().x.size(); ++i)
            QVERIFY(std::abs(decayed->front().predicted[i] - std::exp(-0.1 * decayed->front().x[i])) < 1e-9);
        double expected = 0.0; // of neighbours
        for (Index i = 1; i < 200; ++i)
            expected += std::pow(0.5, fenwickLevel(i, i - 1)) / 199.0;
        QVERIFY(std::abs(levels->front().predicted[0] - expected) < 1e-9);
        QCOMPARE(levels->back().title, std::string("Capacity line of associative recall"));
    }

    void rowsDoNotDependOnTheLength()
    {
        const auto data = randomInputs({1, 1, 700, 700, 8, 5}, 41);
        auto whole = data.inputs(true);
        auto part = whole;
        part.q.shape[2] = part.k.shape[2] = part.v.shape[2] = 333;
        const auto a = method().run(whole, with(), {});
        const auto b = method().run(part, with(), {});
        QVERIFY(a && b);
        for (Index i = 0; i < 333; ++i)
            for (Index c = 0; c < 5; ++c)
                QCOMPARE(b->matrix()(i, c), a->matrix()(i, c));
    }
};

static const attnscope::tests::RegisterTest<TestLogLinear> registered("test_log_linear");

#include "test_log_linear.moc"
