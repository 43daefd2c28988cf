// SPDX-License-Identifier: GPL-3.0-or-later
// Routing: one cluster is exact attention, clusters take what is nearest, and tokens that none takes get nothing.
#include "core/engine/spherical_clusters.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <numeric>

using namespace attnscope;
using namespace attnscope::tests;

class TestRouting : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void oneClusterIsExact()
    {
        const auto data = randomInputs({1, 1, 80, 95, 16, 8}, 31);
        for (const bool causal : {false, true})
            QVERIFY(maxDifference(mapOf("routing", data.inputs(causal), {{"clusters", "1"}}), exactMap(data.inputs(causal), {})) < 1e-6);
    }

    void clustersTakeTheNearest()
    {
        const auto data = randomInputs({1, 1, 64, 96, 8, 8}, 32);
        const Tensor centres = sphericalCentres(std::as_const(data.q).matrix(), std::as_const(data.k).matrix(), 4, 5, 3, {});
        for (Index c = 0; c < 4; ++c)
            QVERIFY(std::fabs(std::inner_product(centres.matrix().row(c), centres.matrix().row(c) + 8, centres.matrix().row(c), 0.0) -
                              1.0) < 1e-5);
        const auto groups = routedGroups(std::as_const(data.q).matrix(), std::as_const(data.k).matrix(), centres.matrix(), 16, 24, {});
        QCOMPARE(groups.size(), std::size_t{4});
        for (std::size_t g = 0; g < 4; ++g) {
            QCOMPARE(groups[g].queries.size(), std::size_t{16});
            QCOMPARE(groups[g].keys.size(), std::size_t{24});
            const auto cosine = [&](Index j) {
                double dot = 0.0;
                double square = 0.0;
                for (Index d = 0; d < 8; ++d) {
                    dot += static_cast<double>(data.k.matrix()(j, d)) * centres.matrix()(static_cast<Index>(g), d);
                    square += static_cast<double>(data.k.matrix()(j, d)) * data.k.matrix()(j, d);
                }
                return dot / std::sqrt(square);
            };
            double least = 1.0;
            double most = -1.0;
            for (Index j = 0; j < 96; ++j) {
                const bool in = std::binary_search(groups[g].keys.begin(), groups[g].keys.end(), static_cast<std::int32_t>(j));
                (in ? least : most) = in ? std::min(least, cosine(j)) : std::max(most, cosine(j));
            }
            QVERIFY(least >= most - 1e-6);
        }
    }

    void rowsSumToOneOrZero()
    {
        const auto data = randomInputs({1, 1, 200, 200, 16, 8}, 33);
        const Tensor map = mapOf("routing", data.inputs(), {{"clusters", "10"}});
        int empty = 0;
        for (Index i = 0; i < 200; ++i) {
            const auto row = map.matrix().rowSpan(i);
            const double sum = std::accumulate(row.begin(), row.end(), 0.0);
            QVERIFY(sum == 0.0 || std::fabs(sum - 1.0) < 1e-5);
            empty += sum == 0.0 ? 1 : 0;
        }
        QVERIFY(empty > 0 && empty < 200);
    }
};

static const attnscope::tests::RegisterTest<TestRouting> registered("test_routing");

#include "test_routing.moc"
