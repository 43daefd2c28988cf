// SPDX-License-Identifier: GPL-3.0-or-later
// AGF: its initial state is Efficient Attention, its polynomials are the code's, its least squares are least.
#include "core/engine/graph_filter.h"
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <random>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("agf"); }

std::shared_ptr<const Tensor> row(const std::vector<float>& values)
{
    auto tensor = std::make_shared<Tensor>(1, 1, 1, static_cast<Index>(values.size()));
    std::copy(values.begin(), values.end(), tensor->data());
    return tensor;
}

std::vector<double> basisAt(FilterBasis basis, double alpha, double beta, double x)
{
    std::vector<double> values(5);
    FilterPolynomials{basis, 4, alpha, beta}.evaluate(x, values);
    return values;
}

bool near(double a, double b) { return std::abs(a - b) < 1e-12; }

} // namespace

class TestAgf : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void startsAsEfficientAttention()
    {
        const auto data = randomInputs({2, 2, 120, 140, 17, 9}, 51);
        const auto agf = method().run(data.inputs(), paramsOf("agf"), {});
        const auto efficient = findMethod("efficient")->run(data.inputs(), paramsOf("efficient"), {});
        QVERIFY(agf.ok() && efficient.ok());
        QVERIFY(std::equal(agf->values().begin(), agf->values().end(), efficient->values().begin()));
        const Tensor a = tests::mapOf("agf", data.inputs(), {}, {1, 1});
        const Tensor b = tests::mapOf("efficient", data.inputs(), {}, {1, 1});
        QVERIFY(std::equal(a.values().begin(), a.values().end(), b.values().begin()));
    }

    void zeroRawCoefficientsAreTheInitialOnes()
    {
        const auto data = randomInputs({1, 1, 60, 60, 8, 3}, 52);
        auto params = paramsOf("agf", {{"theta", "loaded"}});
        params.tensors["theta-file"] = row({1.0F, 0.0F, 0.0F, 0.0F});
        const Tensor loaded = tests::mapOf(method(), data.inputs(), {}, params);
        const Tensor init = tests::mapOf("efficient", data.inputs());
        QVERIFY(std::equal(loaded.values().begin(), loaded.values().end(), init.values().begin()));
    }

    void polynomialsAreThoseOfTheCode()
    {
        for (const double x : {-0.4, 0.0, 0.3, 0.9}) {
            const auto legendre = basisAt(FilterBasis::Legendre, 0.0, 0.0, x);
            QVERIFY(near(legendre[1], x) && near(legendre[2], (3.0 * x * x - 1.0) / 2.0));
            QVERIFY(near(legendre[3], (5.0 * x * x * x - 3.0 * x) / 2.0));
            const auto chebyshev = basisAt(FilterBasis::Chebyshev, -0.5, -0.5, x);
            const double scale[] = {1.0, 0.5, 0.375, 0.3125};
            for (std::size_t k = 0; k < 4; ++k)
                QVERIFY(near(chebyshev[k], scale[k] * std::cos(static_cast<double>(k) * std::acos(x))));
            const auto jacobi = basisAt(FilterBasis::Jacobi, 2.0, -1.0, x);
            QVERIFY(near(jacobi[1], 1.5 + 1.5 * x)); // (a - b + (a + b + 2) x) / 2
            const auto monomial = basisAt(FilterBasis::Monomial, 0.0, 0.0, x);
            QVERIFY(near(monomial[4], x * x * x * x));
        }
    }

    void equalsDefinition_data()
    {
        QTest::addColumn<QString>("polynomial");
        QTest::addColumn<QString>("theta");
        QTest::addColumn<QString>("sigma");
        for (const char* polynomial : {"jacobi", "legendre", "chebyshev", "monomial"})
            for (const char* theta : {"lsq", "loaded"})
                for (const char* sigma : {"qk", "q", "abs-q", "constant"})
                    QTest::addRow("%s, %s, %s", polynomial, theta, sigma) << polynomial << theta << sigma;
    }
    void equalsDefinition()
    {
        QFETCH(QString, polynomial);
        QFETCH(QString, theta);
        QFETCH(QString, sigma);
        const auto data = randomInputs({1, 2, 90, 110, 13, 7}, 53, 1.0F, 1);
        auto params =
            paramsOf("agf", {{"polynomial", polynomial.toStdString()}, {"theta", theta.toStdString()}, {"sigma", sigma.toStdString()}});
        params.tensors["theta-file"] = row({1.0F, 0.4F, -0.9F, 0.3F, 1.1F});
        const auto defined = method().define(data.inputs(), {0, 1}, params);
        QVERIFY(defined.ok());
        Tensor expected(1, 1, 90, 110);
        std::transform(defined->cells.begin(), defined->cells.end(), expected.data(), [](double x) { return static_cast<float>(x); });
        const double tolerance = std::max(1e-5, 1e-6 * defined->condition);
        QVERIFY(relativeGap(tests::mapOf(method(), data.inputs(), {0, 1}, params).matrix(), expected.matrix()) < tolerance);
        const auto out = method().run(data.inputs(), params, {});
        QVERIFY(out.ok());
        const Tensor outputs = timesValues(expected.matrix(), data.inputs().vOf({0, 1}));
        QVERIFY(relativeGap(out->matrix({0, 1}), outputs.matrix()) < tolerance);
    }

    void leastSquaresAreLeast()
    {
        const auto data = randomInputs({1, 1, 150, 150, 16, 3}, 54);
        const Matrix64 exact = exactMap(data.inputs(), {});
        const double start = frobeniusDifference(tests::mapOf("agf", data.inputs()), exact);
        double before = start;
        for (const char* order : {"1", "3", "6"}) {
            const double now =
                frobeniusDifference(tests::mapOf("agf", data.inputs(), {{"theta", "lsq"}, {"sigma", "q"}, {"order", order}}), exact);
            QVERIFY2(now <= before * (1.0 + 1e-6), order);
            before = now;
        }
        QVERIFY(before < 0.99 * start);
        // No other coefficients do better: any loaded ones stay above.
        auto params = paramsOf("agf", {{"theta", "loaded"}, {"sigma", "q"}});
        params.tensors["theta-file"] = row({1.0F, 0.2F, -0.1F, 0.1F, 0.0F, 0.1F, 0.05F});
        QVERIFY(frobeniusDifference(tests::mapOf(method(), data.inputs(), {}, params), exact) > before);
    }

    void loadedEntriesArePutUnderASigmoid()
    {
        const auto data = randomInputs({1, 1, 40, 40, 8, 3}, 55);
        auto params = paramsOf("agf", {{"theta", "loaded"}, {"sigma", "loaded"}});
        params.tensors["theta-file"] = row({1.0F, 0.5F, 0.7F});
        auto entries = std::make_shared<Tensor>(1, 1, 40, 8);
        std::copy(data.q.values().begin(), data.q.values().end(), entries->data());
        params.tensors["sigma-file"] = entries;
        const Tensor loaded = tests::mapOf(method(), data.inputs(), {}, params);
        params.texts["sigma"] = "q";
        const Tensor own = tests::mapOf(method(), data.inputs(), {}, params);
        QVERIFY(!own.empty() && std::equal(loaded.values().begin(), loaded.values().end(), own.values().begin()));
    }

    void theorySaysThatThereIsNoBoundAndDrawsTheFilter()
    {
        const auto data = randomInputs({1, 1, 64, 64, 8, 3}, 56);
        const auto curves = method().theory(data.inputs(), {}, paramsOf("agf", {{"theta", "lsq"}}), {});
        QVERIFY(curves.ok());
        QCOMPARE(curves->size(), std::size_t{3});
        QVERIFY(curves->front().x.empty() && curves->front().caption.find("no bound") != std::string::npos);
        for (const auto& curve : *curves)
            QVERIFY(curve.predicted.size() == curve.x.size() && (curve.measured.empty() || curve.measured.size() == curve.x.size()));
        const auto init = method().theory(data.inputs(), {}, paramsOf("agf"), {});
        for (const double g : (*init)[1].predicted)
            QCOMPARE(g, 1.0);
    }

    void wrongFilesAndPolesAreRefused()
    {
        const auto data = randomInputs({1, 2, 20, 20, 8, 3}, 57);
        const auto refusal = [&](Params params) { return method().run(data.inputs(), params, {}).error().code; };
        QCOMPARE(refusal(paramsOf("agf", {{"theta", "loaded"}})), Errc::InvalidParam);
        QCOMPARE(refusal(paramsOf("agf", {{"theta", "lsq"}, {"sigma", "loaded"}})), Errc::InvalidParam);
        QCOMPARE(refusal(paramsOf("agf", {{"alpha", "1"}, {"beta", "-3"}})), Errc::InvalidParam);
        auto params = paramsOf("agf", {{"theta", "lsq"}, {"sigma", "loaded"}});
        params.tensors["sigma-file"] = std::make_shared<Tensor>(1, 1, 19, 8);
        QCOMPARE(refusal(params), Errc::InvalidShape);
        params.tensors["sigma-file"] = std::make_shared<Tensor>(1, 3, 20, 8);
        QCOMPARE(refusal(params), Errc::InvalidShape);
    }
};

static const attnscope::tests::RegisterTest<TestAgf> registered("test_agf");

#include "test_agf.moc"
