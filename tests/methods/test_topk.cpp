// SPDX-License-Identifier: GPL-3.0-or-later
// The top-k oracle against a float64 selection, and its optimality.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <numeric>

using namespace attnscope;
using namespace attnscope::tests;

class TestTopk : public QObject {
    Q_OBJECT

private:
    static Matrix64 truth(const Inputs& in, Index k)
    {
        Matrix64 map = exactMap(in, {});
        for (Index i = 0; i < map.rows; ++i) {
            const Index visible = visibleKeys(in, i);
            std::vector<Index> order(static_cast<std::size_t>(visible));
            std::iota(order.begin(), order.end(), Index{0});
            std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return map(i, a) > map(i, b); });
            double sum = 0.0;
            for (Index r = 0; r < visible; ++r) {
                double& cell = map(i, order[static_cast<std::size_t>(r)]);
                cell = r < k ? cell : 0.0;
                sum += cell;
            }
            for (Index j = 0; j < map.cols; ++j)
                map(i, j) /= sum;
        }
        return map;
    }

private Q_SLOTS:
    void equalsTheSelection()
    {
        const auto data = randomInputs({1, 1, 140, 700, 16, 5}, 41);
        for (const bool causal : {false, true})
            for (const Index k : {1, 7, 32, 600, 4096}) {
                const auto in = data.inputs(causal);
                const Matrix64 expected = truth(in, k);
                QVERIFY(maxDifference(mapOf("topk", in, {{"k", std::to_string(k)}}), expected) < 2e-6);
                const auto out = findMethod("topk")->run(in, paramsOf("topk", {{"k", std::to_string(k)}}), {});
                QVERIFY(out.ok());
                for (Index i = 0; i < 140; ++i) {
                    double sum = 0.0;
                    for (Index j = 0; j < 700; ++j)
                        sum += expected(i, j) * data.v.matrix()(j, 3);
                    QVERIFY(std::fabs(out->matrix()(i, 3) - sum) < 4e-6);
                }
            }
    }

    void equalLogitsKeepTheEarlierKeys()
    {
        auto data = randomInputs({1, 1, 3, 600, 4, 1}, 42);
        std::fill(data.q.values().begin(), data.q.values().end(), 0.0F);
        const Tensor map = mapOf("topk", data.inputs(), {{"k", "5"}});
        for (Index j = 0; j < 600; ++j)
            QCOMPARE(map.matrix()(1, j), j < 5 ? 0.2F : 0.0F);
    }

    void noSparseMapWithAsManyKeysLosesLess()
    {
        // A window of w keys on each side has 2 w + 1 keys a row.
        const auto data = randomInputs({1, 1, 200, 200, 16, 2}, 43);
        const Matrix64 exact = exactMap(data.inputs(), {});
        double before = 1.0;
        for (const Index side : {2, 8, 32}) {
            const Tensor oracle = mapOf("topk", data.inputs(), {{"k", std::to_string(2 * side + 1)}});
            const double lost = lostMass(oracle, exact);
            QVERIFY(lost <= lostMass(mapOf("window", data.inputs(), {{"window", std::to_string(side)}}), exact));
            QVERIFY(lost < before);
            QVERIFY(std::fabs(totalVariation(oracle, exact) - lost) < 1e-6);
            before = lost;
        }
    }

    void allKeysAreExact()
    {
        const auto data = randomInputs({1, 1, 60, 60, 8, 2}, 44);
        QVERIFY(maxDifference(mapOf("topk", data.inputs(true), {{"k", "60"}}), exactMap(data.inputs(true), {})) < 1e-6);
    }
};

static const attnscope::tests::RegisterTest<TestTopk> registered("test_topk");

#include "test_topk.moc"
