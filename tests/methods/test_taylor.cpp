// SPDX-License-Identifier: GPL-3.0-or-later
// Taylor attention: the kernel's identity, the order of its error, its projection to principal dimensions, the remainder.
#include "core/engine/taylor_features.h"
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("taylor"); }

Params with(std::vector<ParamText> given) { return *makeParams(method().info().params, given); }

/// 1 + t + t²/2 over its row sums, bidirectional.
Tensor polynomial(const Inputs& in)
{
    const auto q = in.qOf({});
    const auto k = in.kOf({});
    Tensor map(1, 1, q.rows, k.rows);
    for (Index i = 0; i < q.rows; ++i) {
        double sum = 0.0;
        std::vector<double> row;
        for (Index j = 0; j < k.rows; ++j) {
            double t = 0.0;
            for (Index c = 0; c < q.cols; ++c)
                t += static_cast<double>(q(i, c)) * k(j, c) * static_cast<double>(in.effectiveScale());
            row.push_back(1.0 + t + 0.5 * t * t);
            sum += row.back();
        }
        for (Index j = 0; j < k.rows; ++j)
            map.matrix()(i, j) = static_cast<float>(row[static_cast<std::size_t>(j)] / sum);
    }
    return map;
}

} // namespace

class TestTaylor : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void featuresMultiplyToThePolynomial()
    {
        const auto data = randomInputs({1, 1, 70, 90, 11, 4}, 61, 1.3F);
        const auto in = data.inputs();
        const Tensor expected = polynomial(in);
        QVERIFY(relativeGap(mapOf(method(), in, {}, with({})).matrix(), expected.matrix()) < 1e-5);
        const auto out = method().run(in, with({}), {});
        QVERIFY(out.ok());
        QVERIFY(relativeGap(out->matrix(), timesValues(expected.matrix(), in.vOf({})).matrix()) < 1e-5);
        QCOMPARE(method().rankBound(in.shape(), with({})), 78);
        QVERIFY(smallest(expected.matrix()) > 0.0F);
    }

    /// Logits times c: the error shrinks like c³.
    void errorIsOfThirdOrder()
    {
        const auto data = randomInputs({1, 1, 60, 60, 12, 4}, 62);
        const auto error = [&](float scale) {
            auto in = data.inputs();
            in.scale = scale;
            const Tensor exact = mapOf(*findMethod("softmax-reference"), in, {}, defaultParams({}));
            return relativeFrobenius(mapOf(method(), in, {}, with({})).matrix(), exact.matrix());
        };
        const double slope = std::log(error(0.08F) / error(0.02F)) / std::log(4.0);
        QVERIFY2(std::abs(slope - 3.0) < 0.25, qPrintable(QString::number(slope)));
    }

    /// Inputs that lie in few dimensions lose nothing by the projection to them.
    void projectionKeepsWhatThereIs()
    {
        auto data = randomInputs({1, 2, 80, 80, 10, 4}, 63);
        for (Tensor* x : {&data.q, &data.k})
            for (Index h = 0; h < 2; ++h)
                for (Index i = 0; i < 80; ++i) {
                    const auto row = x->matrix({0, h}).rowSpan(i);
                    for (std::size_t c = 3; c < 10; ++c)
                        row[c] = row[c % 3] * (h == 0 ? 0.5F : -0.25F) * static_cast<float>(c - 2);
                }
        for (const bool causal : {false, true}) {
            const auto all = method().run(data.inputs(causal), with({}), {});
            const auto three = method().run(data.inputs(causal), with({{"dim", "3"}}), {});
            const auto two = method().run(data.inputs(causal), with({{"dim", "2"}}), {});
            QVERIFY(all.ok() && three.ok() && two.ok());
            for (const Index h : {0, 1}) {
                QVERIFY(relativeGap(three->matrix({0, h}), all->matrix({0, h})) < 5e-5);
                QVERIFY(relativeGap(two->matrix({0, h}), all->matrix({0, h})) > 1e-2);
            }
        }
        QCOMPARE(method().rankBound(data.inputs().shape(), with({{"dim", "3"}})), 10);
    }

    void directionsAreOrthonormalAndOrdered()
    {
        const auto data = randomInputs({1, 1, 700, 90, 8, 4}, 64);
        const auto p = principalDirections(data.q.matrix(), data.k.matrix(), 5, {});
        QVERIFY(p);
        double before = 1e9;
        for (Index a = 0; a < 5; ++a) {
            for (Index b = 0; b <= a; ++b) {
                double product = 0.0;
                for (Index c = 0; c < 8; ++c)
                    product += static_cast<double>(p->matrix()(a, c)) * p->matrix()(b, c);
                QVERIFY(std::abs(product - (a == b ? 1.0 : 0.0)) < 1e-6);
            }
            double energy = 0.0;
            for (const Tensor* x : {&data.q, &data.k}) {
                const Tensor y = projectedRows(x->matrix(), p.get());
                for (Index i = 0; i < y.rows(); ++i)
                    energy += static_cast<double>(y.matrix()(i, a)) * y.matrix()(i, a) / static_cast<double>(y.rows());
            }
            QVERIFY(energy <= before * (1.0 + 1e-6));
            before = energy;
        }
    }

    void hugeInputsStayFinite()
    {
        const auto data = randomInputs({1, 1, 50, 50, 8, 4}, 65, 1e6F);
        for (const bool causal : {false, true}) {
            const Tensor map = mapOf(method(), data.inputs(causal), {}, with({}));
            QVERIFY(rowSumGap(map.matrix()) < 1e-4);
        }
    }

    void remainderIsBelowItsBound()
    {
        const auto data = randomInputs({1, 1, 90, 90, 16, 4}, 66);
        const auto curves = method().theory(data.inputs(), {}, with({}), {});
        QVERIFY(curves.ok() && curves->size() == 1);
        const auto& curve = curves->front();
        QVERIFY(curve.kind == TheoryKind::UpperBound && curve.x.size() == 33);
        for (std::size_t i = 0; i < curve.x.size(); ++i)
            QVERIFY(curve.measured[i] <= curve.predicted[i] * (1.0 + 1e-9) + 1e-15);
        QVERIFY(std::is_sorted(curve.x.begin(), curve.x.end()) && curve.x.front() < -1.0 && curve.x.back() > 1.0);
    }
};

static const attnscope::tests::RegisterTest<TestTaylor> registered("test_taylor");

#include "test_taylor.moc"
