// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel attention on plain features: equal to the definition and for any number of threads, and it steps back where it can't serve.
#include "core/compute/plain_features.h"
#include "core/engine/plain_kernel.h"
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

class Exponentials final : public FeatureMap {
public:
    Exponentials(Index dim, bool sums) : m_dim(dim), m_sums(sums) {}
    Index features() const override { return m_dim; }
    bool logarithmic() const override { return true; }
    void compute(Side, MatrixView<const float> x, const FeatureRows& out) const override
    {
        for (Index i = 0; i < x.rows; ++i)
            std::copy_n(x.row(i), x.cols, out.values.row(i));
    }
    bool computePlain(Side, MatrixView<const float> x, MatrixView<float> out) const override { return plainScaledExp(x, 1.0F, out); }
    bool dividesBySums() const override { return m_sums; }

private:
    Index m_dim;
    bool m_sums;
};

/// sum_j phi(q_i) . phi(k_j) v_j over the visible keys, over the sum of the weights, in float64.
std::vector<double> exactRow(const Inputs& in, HeadRef head, Index i)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const auto v = in.vOf(head);
    const Index visible = in.causal ? i + 1 + k.rows - q.rows : k.rows;
    std::vector<double> out(static_cast<std::size_t>(v.cols), 0.0);
    double sum = 0.0;
    for (Index j = 0; j < visible; ++j) {
        double weight = 0.0;
        for (Index c = 0; c < q.cols; ++c)
            weight += std::exp(static_cast<double>(q(i, c)) + static_cast<double>(k(j, c)));
        sum += weight;
        for (std::size_t c = 0; c < out.size(); ++c)
            out[c] += weight * static_cast<double>(v(j, static_cast<Index>(c)));
    }
    for (double& x : out)
        x /= sum;
    return out;
}

Tensor poisoned(const Shape& s)
{
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    std::fill(out.values().begin(), out.values().end(), std::numeric_limits<float>::quiet_NaN());
    return out;
}

} // namespace

class TestPlainKernel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithFloat64_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<int>("dim");
        QTest::addColumn<int>("valueDim");
        QTest::newRow("one token") << 1 << 1 << 3 << 2;
        QTest::newRow("less than a chunk") << 17 << 17 << 40 << 13;
        QTest::newRow("whole chunks") << 128 << 128 << 64 << 64;
        QTest::newRow("waves and a rest") << 2200 << 2200 << 12 << 20;
        QTest::newRow("keys before the queries") << 1000 << 1777 << 70 << 80;
    }
    void agreesWithFloat64()
    {
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(int, dim);
        QFETCH(int, valueDim);
        const Shape shape{2, 4, queries, keys, dim, valueDim};
        const auto data = randomInputs(shape, 31, 0.7F, 2);
        const Exponentials map(dim, true);
        for (const bool causal : {false, true}) {
            const auto in = data.inputs(causal);
            Tensor out = poisoned(shape);
            QVERIFY(runPlainKernel(in, map, {}, out.view()) == PlainRun::Done);
            for (const HeadRef head : {HeadRef{0, 0}, HeadRef{1, 3}})
                for (Index i = 0; i < queries; i += 1 + queries / 40) {
                    const auto exact = exactRow(in, head, i);
                    // Positive weights: the relative error of a sum is that of its terms and of at most 512 additions at random.
                    for (Index c = 0; c < valueDim; ++c)
                        QVERIFY(std::abs(static_cast<double>(out.matrix(head)(i, c)) - exact[static_cast<std::size_t>(c)]) < 1e-5);
                }
        }
    }

    void threadsDontMatter()
    {
        const Shape shape{1, 1, 3000, 3100, 24, 40};
        const auto data = randomInputs(shape, 32, 0.7F);
        const Exponentials map(24, true);
        for (const bool causal : {false, true}) {
            std::vector<Tensor> outs;
            for (const int threads : {1, 2, 5}) {
                RunContext context;
                context.threads = threads;
                outs.push_back(poisoned(shape));
                QVERIFY(runPlainKernel(data.inputs(causal), map, context, outs.back().view()) == PlainRun::Done);
            }
            for (const auto& out : outs)
                QVERIFY(std::equal(out.values().begin(), out.values().end(), outs.front().values().begin()));
        }
    }

    void stepsBack()
    {
        const Shape shape{1, 1, 700, 700, 8, 8};
        auto data = randomInputs(shape, 33, 0.7F);
        Tensor out = poisoned(shape);
        QVERIFY(runPlainKernel(data.inputs(true), Exponentials(8, false), {}, out.view()) == PlainRun::NotPlain);
        const auto k = data.k.matrix();
        k(650, 3) = 50.0F; // one feature beyond e^30
        for (const bool causal : {false, true})
            QVERIFY(runPlainKernel(data.inputs(causal), Exponentials(8, true), {}, out.view()) == PlainRun::NotPlain);
    }

    void stopsWhenAsked()
    {
        const Shape shape{1, 2, 1500, 1500, 8, 8};
        const auto data = randomInputs(shape, 34, 0.7F);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        for (const bool causal : {false, true}) {
            Tensor out = poisoned(shape);
            QVERIFY(runPlainKernel(data.inputs(causal), Exponentials(8, true), context, out.view()) == PlainRun::Stopped);
        }
    }
};

static const attnscope::tests::RegisterTest<TestPlainKernel> registered("test_plain_kernel");

#include "test_plain_kernel.moc"
