// SPDX-License-Identifier: GPL-3.0-or-later
// The sliding window against the exact map masked and renormalised in float64, and its identities.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestWindow : public QObject {
    Q_OBJECT

private:
    static bool seen(Index query, Index key, Index offset, Index side, Index globals, bool causal)
    {
        const Index at = query + offset;
        if (causal && key > at)
            return false;
        return at < globals || key < globals || std::abs(at - key) <= side;
    }

    /// The exact map, masked and renormalised.
    static Matrix64 truth(const Inputs& in, Index side, Index globals)
    {
        Matrix64 map = exactMap(in, {});
        for (Index i = 0; i < map.rows; ++i) {
            double sum = 0.0;
            for (Index j = 0; j < map.cols; ++j)
                sum += map(i, j) = seen(i, j, map.cols - map.rows, side, globals, in.causal) ? map(i, j) : 0.0;
            for (Index j = 0; j < map.cols; ++j)
                map(i, j) /= sum;
        }
        return map;
    }

    static std::vector<ParamText> params(Index side, Index globals)
    {
        return {{"window", std::to_string(side)}, {"globals", std::to_string(globals)}};
    }

private Q_SLOTS:
    void equalsTheMaskedMap_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<int>("side");
        QTest::addColumn<int>("globals");
        for (const bool more : {false, true})
            for (const int side : {0, 5, 70, 1000})
                for (const int globals : {0, 1, 3, 90})
                    QTest::addRow("%d keys, %d beside, %d global", more ? 350 : 300, side, globals)
                        << 300 << (more ? 350 : 300) << side << globals;
    }
    void equalsTheMaskedMap()
    {
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(int, side);
        QFETCH(int, globals);
        const auto data = randomInputs({1, 1, queries, keys, 24, 5}, 21);
        for (const bool causal : {false, true}) {
            const auto in = data.inputs(causal);
            const Matrix64 expected = truth(in, side, globals);
            QVERIFY(maxDifference(mapOf("window", in, params(side, globals)), expected) < 2e-6);
            const auto out = findMethod("window")->run(in, paramsOf("window", params(side, globals)), {});
            QVERIFY(out.ok());
            for (Index i = 0; i < queries; ++i)
                for (Index c = 0; c < 5; ++c) {
                    double sum = 0.0;
                    for (Index j = 0; j < keys; ++j)
                        sum += expected(i, j) * data.v.matrix()(j, c);
                    QVERIFY(std::fabs(out->matrix()(i, c) - sum) < 4e-6);
                }
        }
    }

    void wideWindowIsExact()
    {
        const auto data = randomInputs({1, 2, 130, 130, 16, 9}, 22);
        for (const bool causal : {false, true}) {
            const auto exact = findMethod("softmax")->run(data.inputs(causal), {}, {});
            const auto wide = findMethod("window")->run(data.inputs(causal), paramsOf("window", params(130, 0)), {});
            QVERIFY(exact && wide);
            QVERIFY(maxDifference(*exact, *wide) < 1e-6);
        }
    }

    void totalVariationIsTheLostMass()
    {
        const auto data = randomInputs({1, 1, 256, 256, 32, 4}, 23);
        const Matrix64 exact = exactMap(data.inputs(), {});
        double before = 1.0;
        for (const Index side : {1, 8, 64}) {
            const Tensor map = mapOf("window", data.inputs(), params(side, 2));
            const double lost = lostMass(map, exact);
            QVERIFY(std::fabs(totalVariation(map, exact) - lost) < 1e-6);
            QVERIFY(lost < before);
            before = lost;
        }
    }

    void costCountsThePairs()
    {
        for (const bool causal : {false, true})
            for (const Index side : {0, 7, 500})
                for (const Index globals : {0, 4, 400}) {
                    double pairs = 0.0;
                    for (Index i = 0; i < 300; ++i)
                        for (Index j = 0; j < 320; ++j)
                            pairs += seen(i, j, 20, side, globals, causal) ? 1.0 : 0.0;
                    const auto cost =
                        findMethod("window")->cost({1, 2, 300, 320, 8, 16}, paramsOf("window", params(side, globals)), causal);
                    QCOMPARE(cost.flops, 2.0 * 2.0 * pairs * 24.0);
                }
    }

    void longMapReadsFastPastEmptyRegions()
    {
        // 10^10 cells, of which 10^7 lie in the window: only these are computed, so this takes no time.
        const auto data = randomInputs({1, 1, 100000, 100000, 4, 1}, 24);
        const auto source = findMethod("window")->scores(data.inputs(true), {}, paramsOf("window", params(32, 1)), {});
        QVERIFY(source.ok());
        QVERIFY((*source)->isZero(50000, 60000, 100, 100));
        QVERIFY((*source)->isZero(50000, 1, 100, 40000));
        QVERIFY(!(*source)->isZero(50000, 0, 1, 1));
        const Tensor map = readWhole(**source, 7, Pool::Max);
        QCOMPARE(map.rows(), 782);
        for (Index r = 0; r < 782; ++r)
            for (Index c = 0; c < 782; ++c)
                QVERIFY((map.matrix()(r, c) > 0.0F) == (c == 0 || c == r || c + 1 == r));
    }

    void fewerKeysThanQueriesAreRefused()
    {
        const auto data = randomInputs({1, 1, 9, 5, 4, 1}, 25);
        const auto out = findMethod("window")->run(data.inputs(), paramsOf("window"), {});
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::InvalidShape);
    }
};

static const attnscope::tests::RegisterTest<TestWindow> registered("test_window");

#include "test_window.moc"
