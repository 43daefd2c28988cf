// SPDX-License-Identifier: GPL-3.0-or-later
// The best rank-r map: Eckart and Young's identity, orthogonality, and how close the randomised form comes.
#include "core/engine/truncated_svd.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestSvd : public QObject {
    Q_OBJECT

private:
    static std::vector<ParamText> rank(Index r) { return {{"rank", std::to_string(r)}}; }

    /// |A - A_r|_F / |A|_F.
    static double error(const Inputs& in, Index r, std::uint64_t seed = 0)
    {
        const Matrix64 exact = exactMap(in, {});
        return frobeniusDifference(mapOf("svd", in, rank(r), {}, seed), exact) / frobenius(exact);
    }

private Q_SLOTS:
    void fullRankIsExact()
    {
        for (const auto& [queries, keys] : {std::pair{40, 40}, {30, 50}, {50, 30}}) {
            const auto data = randomInputs({1, 1, queries, keys, 12, 3}, 51);
            QVERIFY(maxDifference(mapOf("svd", data.inputs(), rank(64)), exactMap(data.inputs(), {})) < 1e-6);
        }
    }

    void errorIsOrthogonalToTheApproximation()
    {
        // |A|² = |A_r|² + |A - A_r|² holds for a projection, and for no other rank-r matrix on the same spaces.
        const auto data = randomInputs({1, 1, 90, 120, 16, 3}, 52, 1.5F);
        for (const bool causal : {false, true}) {
            const Matrix64 exact = exactMap(data.inputs(causal), {});
            double before = INFINITY;
            for (const Index r : {1, 5, 20, 60}) {
                const Tensor map = mapOf("svd", data.inputs(causal), rank(r));
                double kept = 0.0;
                for (const float x : map.values())
                    kept += static_cast<double>(x) * x;
                const double lost = frobeniusDifference(map, exact);
                QVERIFY(std::fabs(kept + lost * lost - frobenius(exact) * frobenius(exact)) < 1e-5 * kept);
                QVERIFY(lost < before);
                before = lost;
            }
        }
    }

    void noOtherMapOfItsRankIsCloser()
    {
        const auto data = randomInputs({1, 1, 100, 100, 16, 3}, 53);
        const Matrix64 exact = exactMap(data.inputs(), {});
        // The uniform map has rank 1.
        QVERIFY(frobeniusDifference(mapOf("svd", data.inputs(), rank(1)), exact) <=
                frobeniusDifference(mapOf("uniform", data.inputs()), exact));
        // Moving the approximation within its row space only takes it away.
        const Tensor closest = mapOf("svd", data.inputs(), rank(8));
        const double best = frobeniusDifference(closest, exact);
        for (const float factor : {0.98F, 1.02F}) {
            Tensor scaled = mapOf("svd", data.inputs(), rank(8));
            for (float& x : scaled.values())
                x *= factor;
            QVERIFY(frobeniusDifference(scaled, exact) > best);
        }
    }

    void randomisedFormIsNearTheFloor()
    {
        const Index n = kDenseSvdSide + 33;
        const auto data = randomInputs({1, 1, n, n, 8, 2}, 54, 1.3F);
        for (const bool causal : {false, true}) {
            const auto in = data.inputs(causal);
            const double randomised = error(in, 12, 1);
            const double again = error(in, 12, 1);
            const double other = error(in, 12, 2);
            QCOMPARE(randomised, again);
            QVERIFY(std::fabs(randomised - other) < 0.01 * randomised);
            // A larger sketch of the same map (its first 12 directions are those of rank 12, resolved better).
            const Matrix64 exact = exactMap(in, {});
            const auto wide = truncatedSoftmax(in, {}, 200, 3, {});
            QVERIFY(wide.ok());
            LowRankFactors cut{Tensor(1, 1, n, 12), Tensor(1, 1, n, 12), n};
            for (Index i = 0; i < n; ++i) {
                std::copy_n(wide->left.matrix().row(i), 12, cut.left.matrix().row(i));
                std::copy_n(wide->right.matrix().row(i), 12, cut.right.matrix().row(i));
            }
            const double floor = frobeniusDifference(readWhole(*makeLowRankSource(std::move(cut))), exact) / frobenius(exact);
            QVERIFY(randomised >= floor * (1.0 - 1e-4));
            QVERIFY(randomised <= floor * 1.02);
        }
    }
};

static const attnscope::tests::RegisterTest<TestSvd> registered("test_svd");

#include "test_svd.moc"
