// SPDX-License-Identifier: GPL-3.0-or-later
// Random Feature Attention: equal to trigonometric FAVOR on unit rows, blind to norms, and its denominators not hidden.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("rfa"); }

Params with(std::vector<ParamText> given, const char* id = "rfa") { return *makeParams(findMethod(id)->info().params, given, 5); }

void normalise(Tensor& x, double length)
{
    for (Index h = 0; h < x.heads(); ++h)
        for (Index i = 0; i < x.rows(); ++i) {
            double square = 0.0;
            for (const double v : x.matrix({0, h}).rowSpan(i))
                square += v * v;
            for (float& v : x.matrix({0, h}).rowSpan(i))
                v = static_cast<float>(v * length / std::sqrt(square));
        }
}

} // namespace

class TestRfa : public QObject {
    Q_OBJECT

private Q_SLOTS:
    /// |q| = |k| = 1: the factors exp(|x|²/2) of FAVOR's trigonometric features cancel.
    void equalsTrigFavorOnUnitRows()
    {
        auto data = randomInputs({1, 2, 90, 90, 16, 6}, 41);
        normalise(data.q, 1.0);
        normalise(data.k, 1.0);
        for (const bool causal : {false, true}) {
            auto in = data.inputs(causal);
            in.scale = 1.5F;
            const auto ours = method().run(in, with({{"features", "128"}}), {});
            const auto favor =
                findMethod("performer")->run(in, with({{"features", "128"}, {"map", "trig"}, {"projection", "iid"}}, "performer"), {});
            QVERIFY(ours.ok() && favor.ok());
            for (const Index h : {0, 1})
                QVERIFY(relativeGap(ours->matrix({0, h}), favor->matrix({0, h})) < 1e-5);
        }
    }

    void normsDoNotMatter()
    {
        auto data = randomInputs({1, 1, 60, 60, 12, 4}, 42);
        const Tensor before = mapOf(method(), data.inputs(), {}, with({{"tau", "1"}}));
        for (Index i = 0; i < 60; ++i)
            for (float& x : data.k.matrix().rowSpan(i))
                x *= static_cast<float>(1 + i % 7);
        QVERIFY(relativeGap(mapOf(method(), data.inputs(), {}, with({{"tau", "1"}})).matrix(), before.matrix()) < 1e-5);
        const Tensor official = mapOf(method(), data.inputs(), {}, with({{"tau", "1"}, {"norm", "official"}}));
        const double gap = relativeGap(official.matrix(), before.matrix());
        QVERIFY(gap > 1e-6 && gap < 1e-2);
    }

    /// The temperature of the head: the logit scale times the mean norms.
    void temperatureComesFromTheHead()
    {
        auto data = randomInputs({1, 1, 50, 50, 12, 4}, 43);
        normalise(data.q, 2.0);
        normalise(data.k, 3.0);
        auto in = data.inputs();
        in.scale = 0.25F;
        const Tensor found = mapOf(method(), in, {}, with({}));
        QVERIFY(relativeGap(found.matrix(), mapOf(method(), in, {}, with({{"tau", "1.5"}})).matrix()) < 2e-5);
    }

    void comesCloserToUnitNormAttention()
    {
        auto data = randomInputs({1, 1, 100, 100, 16, 4}, 44);
        normalise(data.q, 1.0);
        normalise(data.k, 1.0);
        auto in = data.inputs();
        in.scale = 1.0F;
        const Tensor exact = mapOf(*findMethod("softmax-reference"), in, {}, defaultParams({}));
        const auto error = [&](const char* features) {
            return relativeFrobenius(mapOf(method(), in, {}, with({{"features", features}})).matrix(), exact.matrix());
        };
        QVERIFY(error("8192") < 0.3 * error("128"));
        QVERIFY(error("8192") < 0.06);
    }

    /// Where the temperature is large, sums come out negative; they are divided by as they are.
    void negativeDenominatorsAreNotHidden()
    {
        const auto data = randomInputs({1, 1, 80, 80, 64, 4}, 45, 1.6F);
        const auto params = with({{"features", "32"}});
        const Tensor map = mapOf(method(), data.inputs(), {}, params);
        double worst = 0.0;
        for (const float x : map.values())
            worst = std::max(worst, static_cast<double>(std::abs(x)));
        QVERIFY(smallest(map.matrix()) < 0.0F && worst > 1.0);
    }

    void theoryIsTowardsUnitRows()
    {
        const auto data = randomInputs({1, 1, 80, 80, 16, 4}, 46);
        const auto curves = method().theory(data.inputs(), {}, with({{"tau", "1"}}), {});
        QVERIFY(curves.ok() && curves->size() == 2);
        QVERIFY(curves->back().x.empty() && curves->back().caption.find("own target") != std::string::npos);
        const auto& lemma = curves->front();
        for (std::size_t i = 0; i < lemma.x.size(); ++i)
            QVERIFY(std::abs(lemma.measured[i] / lemma.predicted[i] - 1.0) < 0.4);
    }
};

static const attnscope::tests::RegisterTest<TestRfa> registered("test_rfa");

#include "test_rfa.moc"
