// SPDX-License-Identifier: GPL-3.0-or-later
// Performer: the implied map's invariants, both forms against float64, and inputs that overflow naive code.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("performer"); }

Params with(std::vector<ParamText> given, std::uint64_t seed = 5) { return *makeParams(method().info().params, given, seed); }

Tensor definedMap(const Inputs& in, HeadRef head, const Params& params)
{
    const auto defined = findMethod("performer")->define(in, head, params);
    Tensor map(1, 1, in.q.rows(), in.k.rows());
    std::transform(defined->cells.begin(), defined->cells.end(), map.values().begin(), [](double x) { return static_cast<float>(x); });
    return map;
}

/// Pivots of Gaussian elimination with full pivoting, from the largest: the (r + 1)th is 0 where the rank is r.
double pivotRatio(const Tensor& map, Index r)
{
    std::vector<std::vector<double>> a;
    for (Index i = 0; i < map.rows(); ++i)
        a.emplace_back(map.matrix().row(i), map.matrix().row(i) + map.cols());
    double largest = 0.0;
    for (Index step = 0;; ++step) {
        std::size_t pi = 0;
        std::size_t pj = 0;
        double pivot = 0.0;
        for (std::size_t i = 0; i < a.size(); ++i)
            for (std::size_t j = 0; j < a[i].size(); ++j)
                if (std::abs(a[i][j]) > std::abs(pivot)) {
                    pivot = a[i][j];
                    pi = i;
                    pj = j;
                }
        largest = std::max(largest, std::abs(pivot));
        if (step == r)
            return std::abs(pivot) / largest;
        const auto row = a[pi];
        for (auto& other : a) {
            const double factor = other[pj] / pivot;
            for (std::size_t j = 0; j < row.size(); ++j)
                other[j] -= factor * row[j];
        }
    }
}

} // namespace

class TestPerformer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsDefinition_data()
    {
        QTest::addColumn<QString>("map");
        QTest::addColumn<bool>("causal");
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        for (const char* map : {"positive", "hyperbolic", "trig", "relu", "oprf", "relu-deterministic", "relu-tf"})
            for (const bool causal : {false, true}) {
                QTest::addRow("%s %s", map, causal ? "causal" : "bidirectional") << map << causal << 150 << 283;
                QTest::addRow("%s %s, one token", map, causal ? "causal" : "bidirectional") << map << causal << 1 << 1;
            }
    }
    void equalsDefinition()
    {
        QFETCH(QString, map);
        QFETCH(bool, causal);
        QFETCH(int, queries);
        QFETCH(int, keys);
        const auto data = randomInputs({2, 4, queries, keys, 24, 7}, 21, 0.6F, 2);
        const auto in = data.inputs(causal);
        const auto params = with({{"map", map.toStdString()}, {"features", "80"}});
        const auto out = method().run(in, params, {});
        QVERIFY(out.ok());
        const HeadRef head{1, 3};
        const Tensor expected = definedMap(in, head, params);
        QVERIFY(relativeGap(mapOf(method(), in, head, params).matrix(), expected.matrix()) < 1e-5);
        QVERIFY(relativeGap(out->matrix(head), timesValues(expected.matrix(), in.vOf(head)).matrix()) < 1e-5);
    }

    void officialStabilisationEqualsDefinition_data()
    {
        QTest::addColumn<QString>("map");
        QTest::addColumn<bool>("causal");
        for (const char* map : {"positive", "hyperbolic", "oprf"})
            for (const bool causal : {false, true})
                QTest::addRow("%s %s", map, causal ? "causal" : "bidirectional") << map << causal;
    }
    void officialStabilisationEqualsDefinition()
    {
        QFETCH(QString, map);
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 2, 90, 90, 24, 5}, 32, 1.5F);
        const auto in = data.inputs(causal);
        const auto params = with({{"map", map.toStdString()}, {"features", "80"}, {"official-eps", "on"}});
        const HeadRef head{0, 1};
        const Tensor expected = definedMap(in, head, params);
        QVERIFY(relativeGap(mapOf(method(), in, head, params).matrix(), expected.matrix()) < 2e-5);
        const auto out = method().run(in, params, {});
        QVERIFY(out.ok());
        QVERIFY(relativeGap(out->matrix(head), timesValues(expected.matrix(), in.vOf(head)).matrix()) < 2e-5);
    }

    /// Large norms underflow to 1e-6 there: the map becomes the uniform one, as the published code's does.
    void officialStabilisationCollapsesAtLargeNorms()
    {
        const auto data = randomInputs({1, 1, 60, 60, 16, 4}, 33, 12.0F);
        const Tensor off = mapOf(method(), data.inputs(), {}, with({}));
        const Tensor on = mapOf(method(), data.inputs(), {}, with({{"official-eps", "on"}}));
        Tensor uniform(1, 1, 60, 60);
        std::fill(uniform.values().begin(), uniform.values().end(), 1.0F / 60.0F);
        QVERIFY(relativeFrobenius(on.matrix(), uniform.matrix()) < 1.0);
        QVERIFY(relativeFrobenius(off.matrix(), uniform.matrix()) > 3.0);
    }

    /// Where even the sums are below 1e-6 they are guarded, and rows sum to less than 1.
    void officialGuardShrinksTrigRows()
    {
        const auto data = randomInputs({1, 1, 40, 40, 16, 4}, 34, 4.0F);
        const auto params = with({{"map", "trig"}, {"official-eps", "on"}});
        const Tensor expected = definedMap(data.inputs(), {}, params);
        const Tensor map = mapOf(method(), data.inputs(), {}, params);
        QVERIFY(rowSumGap(map.matrix()) > 0.5);
        double least = 1.0;
        for (Index i = 0; i < 40; ++i) {
            double sum = 0.0;
            for (Index j = 0; j < 40; ++j)
                sum += map.matrix()(i, j);
            least = std::min(least, std::abs(sum));
        }
        QVERIFY2(least < 1e-3, qPrintable(QString::number(least)));
        QVERIFY(rowSumGap(expected.matrix()) > 0.5);
    }

    void redrawsDifferAndRepeat()
    {
        const auto data = randomInputs({1, 1, 30, 30, 8, 8}, 35);
        const auto map = [&](const char* redraw) { return mapOf(method(), data.inputs(), {}, with({{"redraw", redraw}})); };
        const Tensor first = map("1");
        QCOMPARE(relativeGap(first.matrix(), map("1").matrix()), 0.0);
        QVERIFY(relativeGap(first.matrix(), map("0").matrix()) > 1e-3);
        QVERIFY(relativeGap(first.matrix(), map("2").matrix()) > 1e-3);
    }

    /// With A given, later tokens don't decide it.
    void givenCoefficientLeaksNothing()
    {
        const auto data = randomInputs({1, 1, 80, 80, 16, 8}, 36);
        auto changed = randomInputs({1, 1, 80, 80, 16, 8}, 36);
        for (Index j = 50; j < 80; ++j)
            for (Index c = 0; c < 16; ++c)
                changed.k.matrix()(j, c) *= 2.0F;
        for (const auto& [a, leaks] : {std::pair{"-0.1", false}, std::pair{"0", true}}) {
            const auto params = with({{"map", "oprf"}, {"oprf-a", a}});
            const auto before = method().run(data.inputs(true), params, {});
            const auto after = method().run(changed.inputs(true), params, {});
            QVERIFY(before.ok() && after.ok());
            QCOMPARE(relativeGap(after->matrix().rowRange(0, 50), before->matrix().rowRange(0, 50)) > 1e-5, leaks);
        }
    }

    void theoryStandsBesideMeasurement()
    {
        const auto data = randomInputs({1, 1, 120, 120, 16, 4}, 37, 0.5F);
        for (const char* map : {"positive", "hyperbolic", "trig", "oprf"}) {
            const auto curves = method().theory(data.inputs(), {}, with({{"map", map}, {"projection", "iid"}}), {});
            QVERIFY(curves.ok());
            QCOMPARE(curves->size(), std::size_t{2});
            const auto& lemma = curves->front();
            QVERIFY(lemma.x.size() >= 5 && lemma.predicted.size() == lemma.x.size() && lemma.measured.size() == lemma.x.size());
            for (std::size_t i = 0; i < lemma.x.size(); ++i)
                QVERIFY2(std::abs(lemma.measured[i] / lemma.predicted[i] - 1.0) < 0.4, map);
            QVERIFY(curves->back().caption.find("100 %") != std::string::npos);
        }
        const auto bound = method().theory(data.inputs(), {}, with({}), {});
        QVERIFY(bound.ok() && bound->size() == 3);
        QVERIFY((*bound)[1].kind == TheoryKind::UpperBound);
        for (std::size_t i = 0; i < (*bound)[1].x.size(); ++i)
            QVERIFY((*bound)[1].predicted[i] < (*bound)[0].predicted[i]);
        const auto none = method().theory(data.inputs(), {}, with({{"map", "relu"}}), {});
        QVERIFY(none.ok() && none->size() == 1 && none->front().x.empty() && !none->front().caption.empty());
    }

    void rowsSumToOneAndArePositive()
    {
        const auto data = randomInputs({1, 1, 200, 200, 32, 4}, 22);
        for (const char* map : {"positive", "hyperbolic", "relu"})
            for (const bool causal : {false, true}) {
                const Tensor implied = mapOf(method(), data.inputs(causal), {}, with({{"map", map}}));
                QVERIFY(rowSumGap(implied.matrix()) < 1e-5);
                QVERIFY(smallest(implied.matrix()) >= 0.0F);
            }
    }

    void rankIsBoundedByFeatures()
    {
        const auto data = randomInputs({1, 1, 40, 40, 8, 4}, 23);
        for (const char* map : {"positive", "hyperbolic", "relu"}) {
            const Tensor implied = mapOf(method(), data.inputs(), {}, with({{"map", map}, {"features", "6"}}));
            QVERIFY(pivotRatio(implied, 6) < 1e-5);
            QVERIFY(pivotRatio(implied, 4) > 1e-5);
        }
    }

    void causalRowsEqualPrefixRuns()
    {
        const auto data = randomInputs({1, 1, 300, 300, 16, 8}, 24);
        const auto in = data.inputs(true);
        const auto all = method().run(in, with({}), {});
        QVERIFY(all.ok());
        for (const Index i : {Index{0}, Index{127}, Index{128}, Index{299}}) {
            Inputs prefix = data.inputs(false);
            prefix.q.shape[2] = prefix.k.shape[2] = prefix.v.shape[2] = i + 1;
            const auto out = method().run(prefix, with({}), {});
            QVERIFY(out.ok());
            QVERIFY(relativeGap(all->matrix().rowRange(i, 1), out->matrix().rowRange(i, 1)) < 1e-5);
        }
    }

    void futureTokensDoNotMatter()
    {
        auto data = randomInputs({1, 1, 200, 200, 16, 8}, 25);
        const auto before = method().run(data.inputs(true), with({}), {});
        for (Index j = 40; j < 200; ++j)
            for (Index c = 0; c < 16; ++c)
                data.k.matrix()(j, c) *= 30.0F; // |y|²/2 of hundreds: shared shifts would wipe out the first rows
        const auto after = method().run(data.inputs(true), with({}), {});
        QVERIFY(before.ok() && after.ok());
        QVERIFY(relativeGap(after->matrix().rowRange(0, 40), before->matrix().rowRange(0, 40)) < 1e-5);
    }

    /// Later keys that dwarf earlier ones leave no common scale for all rows: the map is then read block by block.
    void mapWithoutCommonScale()
    {
        auto data = randomInputs({1, 1, 150, 150, 16, 8}, 31, 0.7F);
        for (Index j = 40; j < 150; ++j)
            for (Index c = 0; c < 16; ++c)
                data.k.matrix()(j, c) *= 25.0F;
        for (const char* map : {"positive", "hyperbolic", "trig"}) {
            const auto params = with({{"map", map}, {"features", "48"}});
            const auto in = data.inputs(true);
            const Tensor expected = definedMap(in, {}, params);
            const Tensor implied = mapOf(method(), in, {}, params);
            QVERIFY2(relativeGap(implied.matrix().rowRange(0, 40), expected.matrix().rowRange(0, 40)) < 1e-5, map);
            if (std::string_view(map) == "trig") // later rows are differences of large numbers there
                continue;
            QVERIFY2(relativeGap(implied.matrix(), expected.matrix()) < 2e-4, map); // 6e-8 of logarithms of a thousand
            QVERIFY2(rowSumGap(implied.matrix()) < 2e-4, map);
        }
    }

    void largeNormsStayRight_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::addColumn<double>("deviation");
        for (const double deviation : {4.0, 12.0})
            for (const bool causal : {false, true})
                QTest::addRow("%s %g", causal ? "causal" : "bidirectional", deviation) << causal << deviation;
    }
    void largeNormsStayRight()
    {
        QFETCH(bool, causal);
        QFETCH(double, deviation);
        const auto data = randomInputs({1, 1, 220, 220, 16, 5}, 26, static_cast<float>(deviation));
        const auto in = data.inputs(causal);
        const auto params = with({{"features", "64"}});
        const Tensor expected = definedMap(in, {}, params);
        const Tensor map = mapOf(method(), in, {}, params);
        // Logits of |x|² / 2 are rounded to float32 before they are exponentiated: 6e-8 |x|² relative.
        const double tolerance = 1e-6 * std::max(10.0, 4.0 * deviation * deviation);
        QVERIFY(rowSumGap(map.matrix()) < tolerance);
        QVERIFY(relativeGap(map.matrix(), expected.matrix()) < tolerance);
        const auto out = method().run(in, params, {});
        QVERIFY(out.ok());
        QVERIFY(relativeGap(out->matrix(), timesValues(expected.matrix(), in.vOf({})).matrix()) < tolerance);
    }

    void scaleBelongsToBothSides()
    {
        auto data = randomInputs({1, 1, 30, 30, 8, 8}, 27);
        auto in = data.inputs();
        in.scale = 1.0F;
        const auto a = method().run(in, with({}), {});
        for (float& x : data.q.values())
            x *= 2.0F;
        for (float& x : data.k.values())
            x *= 2.0F;
        in.scale = 0.25F;
        const auto b = method().run(in, with({}), {});
        QVERIFY(a.ok() && b.ok());
        QVERIFY(relativeGap(a->matrix(), b->matrix()) < 1e-5);
    }

    void seedDecides()
    {
        const auto data = randomInputs({1, 1, 30, 30, 8, 8}, 28);
        const auto a = method().run(data.inputs(), with({}, 1), {});
        const auto same = method().run(data.inputs(), with({}, 1), {});
        const auto other = method().run(data.inputs(), with({}, 2), {});
        QVERIFY(a.ok() && same.ok() && other.ok());
        QVERIFY(std::equal(a->values().begin(), a->values().end(), same->values().begin()));
        QVERIFY(relativeGap(a->matrix(), other->matrix()) > 1e-3);
    }

    void moreFeaturesComeCloser()
    {
        const auto data = randomInputs({1, 1, 128, 128, 16, 4}, 29, 0.5F);
        const Tensor exact = mapOf(*findMethod("softmax-reference"), data.inputs(), {}, defaultParams({}));
        for (const char* map : {"positive", "hyperbolic", "trig"}) {
            const auto few = mapOf(method(), data.inputs(), {}, with({{"map", map}, {"features", "32"}}));
            const auto many = mapOf(method(), data.inputs(), {}, with({{"map", map}, {"features", "8192"}}));
            QVERIFY(relativeFrobenius(many.matrix(), exact.matrix()) < 0.3 * relativeFrobenius(few.matrix(), exact.matrix()));
            QVERIFY(relativeFrobenius(many.matrix(), exact.matrix()) < 0.03);
        }
    }

    void trigWeightsAreNotClipped()
    {
        const auto data = randomInputs({1, 1, 100, 100, 32, 4}, 30);
        const Tensor map = mapOf(method(), data.inputs(), {}, with({{"map", "trig"}, {"features", "33"}}));
        QVERIFY(smallest(map.matrix()) < 0.0F);
        const Tensor expected = definedMap(data.inputs(), {}, with({{"map", "trig"}, {"features", "33"}}));
        QVERIFY(smallest(expected.matrix()) < 0.0F);
    }
};

static const attnscope::tests::RegisterTest<TestPerformer> registered("test_performer");

#include "test_performer.moc"
