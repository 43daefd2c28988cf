// SPDX-License-Identifier: GPL-3.0-or-later
// Linformer: its limits, loaded projections, invariants of pooling, and what it refuses.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("linformer"); }

Params with(std::vector<ParamText> given, std::uint64_t seed = 3) { return *makeParams(method().info().params, given, seed); }

std::shared_ptr<Tensor> drawn(Index heads, Index rank, Index keys, std::uint64_t seed)
{
    auto matrix = std::make_shared<Tensor>(1, heads, rank, keys);
    std::mt19937_64 random(seed);
    fillNormal(matrix->values(), random, 0.3F);
    return matrix;
}

std::shared_ptr<Tensor> identity(Index n)
{
    auto matrix = std::make_shared<Tensor>(1, 1, n, n);
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j)
            matrix->matrix()(i, j) = i == j ? 1.0F : 0.0F;
    return matrix;
}

Params loaded(std::shared_ptr<const Tensor> e, std::shared_ptr<const Tensor> f)
{
    Params params = with({{"projection", "loaded"}});
    params.tensors["e"] = std::move(e);
    params.tensors["f"] = std::move(f);
    return params;
}

/// softmax(q (E k)ᵀ / sqrt(d)) F in float64.
Tensor definition(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> e, MatrixView<const float> f)
{
    Tensor map(1, 1, q.rows, k.rows);
    const double scale = 1.0 / std::sqrt(static_cast<double>(q.cols));
    for (Index i = 0; i < q.rows; ++i) {
        std::vector<double> p(static_cast<std::size_t>(e.rows), 0.0);
        double sum = 0.0;
        for (Index r = 0; r < e.rows; ++r) {
            double logit = 0.0;
            for (Index j = 0; j < k.rows; ++j)
                for (Index c = 0; c < q.cols; ++c)
                    logit += scale * q(i, c) * e(r, j) * k(j, c);
            sum += p[static_cast<std::size_t>(r)] = std::exp(logit);
        }
        for (Index j = 0; j < k.rows; ++j) {
            double weight = 0.0;
            for (Index r = 0; r < e.rows; ++r)
                weight += p[static_cast<std::size_t>(r)] / sum * f(r, j);
            map.matrix()(i, j) = static_cast<float>(weight);
        }
    }
    return map;
}

} // namespace

class TestLinformer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void identityEqualsExact()
    {
        const auto data = randomInputs({2, 4, 90, 90, 16, 8}, 41, 1.0F, 2);
        const auto in = data.inputs();
        const auto exact = findMethod("softmax-reference")->run(in, defaultParams({}), {});
        QVERIFY(exact.ok());
        for (const auto& params :
             {loaded(identity(90), identity(90)), loaded(identity(90), nullptr), with({{"rank", "90"}}), with({{"rank", "500"}})}) {
            const auto out = method().run(in, params, {});
            QVERIFY(out.ok());
            for (const HeadRef head : {HeadRef{0, 1}, HeadRef{1, 3}}) {
                QVERIFY(relativeGap(out->matrix(head), exact->matrix(head)) < 1e-5);
                const Tensor map = mapOf(*findMethod("softmax-reference"), in, head, defaultParams({}));
                QVERIFY(relativeGap(mapOf(method(), in, head, params).matrix(), map.matrix()) < 1e-5);
            }
        }
    }

    void loadedPerHead()
    {
        const auto data = randomInputs({1, 4, 60, 75, 8, 5}, 42, 1.0F, 2);
        const auto in = data.inputs();
        for (const Index heads : {1, 2, 4}) {
            const auto e = drawn(heads, 12, 75, 1);
            const auto f = drawn(heads, 12, 75, 2);
            const HeadRef head{0, 3};
            const HeadRef mine{0, heads - 1};
            const Tensor expected = definition(in.qOf(head), in.kOf(head), e->matrix(mine), f->matrix(mine));
            QVERIFY(smallest(expected.matrix()) < 0.0F); // F is signed, and so is the map
            QVERIFY(relativeGap(mapOf(method(), in, head, loaded(e, f)).matrix(), expected.matrix()) < 1e-5);
            const auto out = method().run(in, loaded(e, f), {});
            QVERIFY(out.ok());
            QVERIFY(relativeGap(out->matrix(head), timesValues(expected.matrix(), in.vOf(head)).matrix()) < 1e-5);
        }
    }

    void meanPoolIsRowStochastic()
    {
        const auto data = randomInputs({1, 1, 101, 101, 16, 3}, 43);
        const Tensor map = mapOf(method(), data.inputs(), {}, with({{"rank", "13"}}));
        QVERIFY(rowSumGap(map.matrix()) < 1e-5);
        QVERIFY(smallest(map.matrix()) >= 0.0F);
    }

    void tokensOfOneBlockMayBeExchanged()
    {
        auto data = randomInputs({1, 1, 64, 64, 8, 4}, 44);
        const auto before = method().run(data.inputs(), with({{"rank", "8"}}), {});
        for (Index c = 0; c < 8; ++c)
            std::swap(data.k.matrix()(17, c), data.k.matrix()(22, c)); // both in the block 16 .. 23
        for (Index c = 0; c < 4; ++c)
            std::swap(data.v.matrix()(17, c), data.v.matrix()(22, c));
        const auto after = method().run(data.inputs(), with({{"rank", "8"}}), {});
        QVERIFY(before.ok() && after.ok());
        QVERIFY(relativeGap(after->matrix(), before->matrix()) < 1e-6);
        for (Index c = 0; c < 8; ++c)
            std::swap(data.k.matrix()(17, c), data.k.matrix()(40, c));
        const auto across = method().run(data.inputs(), with({{"rank", "8"}}), {});
        QVERIFY(relativeGap(across->matrix(), before->matrix()) > 1e-4);
    }

    void gaussianRowsDoNotSumToOne()
    {
        const auto data = randomInputs({1, 1, 80, 80, 16, 3}, 45);
        const auto params = with({{"rank", "16"}, {"projection", "gaussian"}});
        const Tensor map = mapOf(method(), data.inputs(), {}, params);
        QVERIFY(rowSumGap(map.matrix()) > 0.1);
        const auto out = method().run(data.inputs(), params, {});
        QVERIFY(out.ok());
        QVERIFY(relativeGap(out->matrix(), timesValues(map.matrix(), data.v.matrix()).matrix()) < 1e-4);
    }

    void pooledChoicesAreRowStochastic()
    {
        const auto data = randomInputs({1, 1, 101, 101, 16, 3}, 49);
        const Tensor mean = mapOf(method(), data.inputs(), {}, with({{"rank", "13"}}));
        for (const char* choice : {"conv", "max-pool"}) {
            const Tensor map = mapOf(method(), data.inputs(), {}, with({{"rank", "13"}, {"projection", choice}}));
            QVERIFY(rowSumGap(map.matrix()) < 1e-5);
            QVERIFY(smallest(map.matrix()) >= 0.0F);
            QVERIFY(relativeGap(map.matrix(), mean.matrix()) > 1e-2);
            const Tensor whole = mapOf(method(), data.inputs(), {}, with({{"rank", "101"}, {"projection", choice}}));
            QVERIFY(relativeGap(whole.matrix(), mapOf(*findMethod("softmax-reference"), data.inputs(), {}, defaultParams({})).matrix()) <
                    1e-5);
        }
    }

    void bestValuesLieBetweenPoolingAndTheBestOfTheirRank()
    {
        const auto data = randomInputs({1, 1, 120, 140, 16, 3}, 50);
        const Matrix64 exact = exactMap(data.inputs(), {});
        const auto error = [&](const char* id, const std::vector<ParamText>& given) {
            return frobeniusDifference(mapOf(id, data.inputs(), given), exact);
        };
        const double best = error("linformer", {{"rank", "20"}, {"projection", "oracle-f"}});
        QVERIFY(best < 0.95 * error("linformer", {{"rank", "20"}}));
        QVERIFY(best >= error("svd", {{"rank", "20"}}) * (1.0 - 1e-5));
    }

    void estimatorOfTheoremOneHasItsClosedForm()
    {
        const auto data = randomInputs({1, 1, 128, 128, 16, 3}, 51);
        const Matrix64 exact = exactMap(data.inputs(), {});
        double square = 0.0;
        constexpr int kDraws = 50;
        for (std::uint64_t seed = 0; seed < kDraws; ++seed)
            square += std::pow(
                frobeniusDifference(mapOf("linformer", data.inputs(), {{"rank", "32"}, {"projection", "theorem-1"}}, {}, seed), exact), 2);
        const double measured = std::sqrt(square / kDraws) / frobenius(exact);
        QVERIFY2(std::fabs(measured / std::sqrt(129.0 / 32.0) - 1.0) < 0.05, qPrintable(QString::number(measured)));
    }

    void theoremTwoScalesByDelta()
    {
        const auto data = randomInputs({1, 1, 64, 64, 16, 3}, 52);
        const Tensor gaussian = mapOf(method(), data.inputs(), {}, with({{"rank", "8"}, {"projection", "gaussian"}}));
        const Tensor one = mapOf(method(), data.inputs(), {}, with({{"rank", "8"}, {"projection", "theorem-2"}, {"delta", "1"}}));
        double gap = 0.0;
        for (Index i = 0; i < 64; ++i)
            for (Index j = 0; j < 64; ++j)
                gap = std::max(gap, std::fabs(one.matrix()(i, j) - std::exp(-1.0) * gaussian.matrix()(i, j)));
        QVERIFY(gap < 1e-5);
        // With a small δ the weights are all 1/k.
        const Tensor flat = mapOf(method(), data.inputs(), {}, with({{"rank", "8"}, {"projection", "theorem-2"}, {"delta", "1e-6"}}));
        for (Index j = 0; j < 64; ++j)
            QVERIFY(std::fabs(flat.matrix()(5, j) - flat.matrix()(60, j)) < 1e-4);
    }

    void theorySaysWhereItApplies()
    {
        const auto data = randomInputs({1, 1, 1024, 1024, 16, 3}, 53);
        const auto curves = method().theory(data.inputs(), {}, with({{"rank", "128"}}), {});
        QVERIFY(curves.ok());
        QCOMPARE(curves->size(), std::size_t{3});
        QVERIFY(curves->front().caption.find("= 234 ") != std::string::npos); // 33.75 ln 1024
        QVERIFY(curves->front().caption.find("says nothing") != std::string::npos);
        const TheoryCurve& closed = (*curves)[1];
        QCOMPARE(closed.x.size(), closed.measured.size());
        for (std::size_t i = 0; i < closed.x.size(); ++i)
            QVERIFY(std::fabs(closed.measured[i] / closed.predicted[i] - 1.0) < 0.2);
        // Zero does better than theorem 2's construction at every rank shown, and never exceeds 1.
        const TheoryCurve& second = curves->back();
        for (std::size_t i = 0; i < second.x.size(); ++i)
            QVERIFY(second.predicted[i] <= 1.0 && second.measured[i] > second.predicted[i]);
        QVERIFY(second.measured.front() > 2.0 * second.measured.back());
    }

    void refusesWhatDoesNotFit_data()
    {
        QTest::addColumn<int>("heads");
        QTest::addColumn<int>("rank");
        QTest::addColumn<int>("keys");
        QTest::addColumn<QString>("says");
        QTest::newRow("length") << 1 << 8 << 99 << "E has 99 columns but there are 64 keys.";
        QTest::newRow("heads") << 3 << 8 << 64 << "E is [3, 8, 64] but there are 4 query heads";
        QTest::newRow("ranks") << 1 << 9 << 64 << "E has 9 rows but F has 8.";
    }
    void refusesWhatDoesNotFit()
    {
        QFETCH(int, heads);
        QFETCH(int, rank);
        QFETCH(int, keys);
        QFETCH(QString, says);
        const auto data = randomInputs({1, 4, 64, 64, 8, 4}, 46);
        const auto out = method().run(data.inputs(), loaded(drawn(heads, rank, keys, 1), drawn(1, 8, 64, 2)), {});
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::InvalidShape);
        QVERIFY2(QString::fromStdString(out.error().what).startsWith(says), out.error().what.c_str());
        QVERIFY(!out.error().hint.empty());
    }

    void refusesLoadedWithoutFile()
    {
        const auto data = randomInputs({1, 1, 16, 16, 8, 4}, 47);
        const auto out = method().run(data.inputs(), with({{"projection", "loaded"}}), {});
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::InvalidParam);
    }

    void refusesCausal()
    {
        const auto data = randomInputs({1, 1, 16, 16, 8, 4}, 48);
        const auto out = method().run(data.inputs(true), with({}), {});
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::Unsupported);
    }
};

static const attnscope::tests::RegisterTest<TestLinformer> registered("test_linformer");

#include "test_linformer.moc"
