// SPDX-License-Identifier: GPL-3.0-or-later
// Clustered attention: hashes and clusters worked out by hand, its limits, and its bound.
#include "core/engine/clustered_map.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <array>
#include <set>

using namespace attnscope;
using namespace attnscope::tests;

class TestClustered : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void hashesAreSignsAgainstTheOffsets()
    {
        Tensor x(1, 1, 2, 2);
        Tensor planes(1, 1, 3, 3);
        const std::array<float, 4> rows{1.0F, 2.0F, -1.0F, 0.5F};
        const std::array<float, 9> normals{1.0F, 0.0F, 0.5F, 0.0F, 1.0F, 3.0F, -1.0F, 0.0F, -2.0F};
        std::copy(rows.begin(), rows.end(), x.data());
        std::copy(normals.begin(), normals.end(), planes.data());
        // Row 0: 1 > 0.5, 2 > 3 fails, -1 > -2; row 1: -1 > 0.5 fails, 0.5 > 3 fails, 1 > -2.
        QCOMPARE(hashRows(x.matrix(), planes.matrix()), (std::vector<std::uint64_t>{0b101, 0b100}));
    }

    void clustersByMajority()
    {
        // Two groups around 0b1111 and 0b0000.
        const std::vector<std::uint64_t> hashes{0b1111, 0b1110, 0b1101, 0b0000, 0b0001, 0b0010};
        const std::vector<Index> first{0, 3};
        QCOMPARE(clusterHashes(hashes, first, 10, 4, 0), (std::vector<Index>{0, 0, 0, 1, 1, 1}));
        QCOMPARE(clusterHashes(hashes, std::vector<Index>{0}, 10, 4, 0), std::vector<Index>(6, 0));
        // One assignment alone takes the first of equally near centres.
        QCOMPARE(clusterHashes(hashes, std::vector<Index>{1, 2}, 1, 4, 0).front(), Index{0});
    }

    void everyQueryHasAGroup()
    {
        const auto data = randomInputs({1, 1, 300, 10, 12, 2}, 1);
        const QueryClusters groups = clusterQueries(data.q.matrix(), {20, 63, 10, 4});
        QVERIFY(groups.members.size() <= 20 && groups.members.size() > 5);
        std::set<Index> seen;
        for (std::size_t c = 0; c < groups.members.size(); ++c) {
            QVERIFY(!groups.members[c].empty());
            for (const Index i : groups.members[c]) {
                QCOMPARE(groups.of[static_cast<std::size_t>(i)], static_cast<Index>(c));
                seen.insert(i);
            }
            double mean = 0.0;
            for (const Index i : groups.members[c])
                mean += data.q.matrix()(i, 5) / static_cast<double>(groups.members[c].size());
            QVERIFY(std::fabs(groups.centres.matrix()(static_cast<Index>(c), 5) - mean) < 1e-6);
        }
        QCOMPARE(seen.size(), std::size_t{300});
    }

    void oneClusterEachIsExact()
    {
        const auto data = randomInputs({1, 2, 80, 90, 24, 4}, 2, 1.0F, 1);
        const Matrix64 exact = exactMap(data.inputs(), {0, 1});
        QVERIFY(maxDifference(mapOf("clustered", data.inputs(), {{"clusters", "80"}}, {0, 1}), exact) < 1e-6);
        QVERIFY(maxDifference(mapOf("clustered", data.inputs(), {{"clusters", "8"}}, {0, 1}), exact) > 1e-3);
    }

    void equalQueriesAreNoLoss()
    {
        // Four different queries, each many times: four clusters hold them all.
        auto data = randomInputs({1, 1, 64, 64, 16, 4}, 3, 2.0F);
        for (Index i = 4; i < 64; ++i)
            std::copy_n(data.q.matrix().row(i % 4), 16, data.q.matrix().row(i));
        const Tensor map = mapOf("clustered", data.inputs(), {{"clusters", "64"}});
        QVERIFY(maxDifference(map, exactMap(data.inputs(), {})) < 1e-5);
    }

    void boundHolds()
    {
        const auto data = randomInputs({1, 1, 400, 300, 16, 4}, 4);
        for (const char* clusters : {"5", "40", "200"}) {
            const auto curves = findMethod("clustered")->theory(data.inputs(), {}, paramsOf("clustered", {{"clusters", clusters}}), {});
            QVERIFY(curves.ok());
            const TheoryCurve& curve = curves->front();
            QCOMPARE(curve.x.size(), std::size_t{200});
            double most = 0.0;
            for (std::size_t i = 0; i < curve.x.size(); ++i) {
                QVERIFY(curve.measured[i] <= curve.predicted[i] + 1e-6); // 1e-6: the centres are rounded
                most = std::max(most, curve.measured[i]);
            }
            QVERIFY(most > 1e-3);
        }
    }
};

static const attnscope::tests::RegisterTest<TestClustered> registered("test_clustered");

#include "test_clustered.moc"
