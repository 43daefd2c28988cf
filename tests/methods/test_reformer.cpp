// SPDX-License-Identifier: GPL-3.0-or-later
// Reformer: one chunk is full shared-QK attention without the own key, and more rounds find more of the large weights.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// Queries and keys around 8 common centres, so that hashing has something to find.
RandomInputs clustered(Index n, std::uint64_t seed)
{
    auto data = randomInputs({1, 1, n, n, 16, 8}, seed, 0.4F);
    std::mt19937_64 random(seed + 1);
    Tensor centres(1, 1, 8, 16);
    fillNormal(centres.values(), random, 1.5F);
    for (Index i = 0; i < n; ++i)
        for (Tensor* x : {&data.q, &data.k}) {
            const auto centre = static_cast<Index>(random() % 8);
            for (Index c = 0; c < 16; ++c)
                x->matrix()(i, c) += centres.matrix()(centre, c);
        }
    return data;
}

} // namespace

class TestReformer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void oneChunkIsSharedQkAttention_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::newRow("bidirectional") << false;
        QTest::newRow("causal") << true;
    }
    void oneChunkIsSharedQkAttention()
    {
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 1, 90, 90, 16, 8}, 21);
        const Tensor map = mapOf("reformer", data.inputs(causal), {{"bucket", "90"}, {"keys", "tied"}, {"rounds", "2"}});
        QVERIFY(!map.empty());
        for (Index i = 0; i < 90; ++i) {
            std::vector<double> row(90, 0.0);
            double sum = 0.0;
            for (Index j = 0; j < (causal ? i + 1 : 90); ++j) {
                if (i == j && !(causal && i == 0)) // the first causal query has nothing else
                    continue;
                double dot = 0.0;
                double square = 0.0;
                for (Index c = 0; c < 16; ++c) {
                    dot += static_cast<double>(data.q.matrix()(i, c)) * data.q.matrix()(j, c);
                    square += static_cast<double>(data.q.matrix()(j, c)) * data.q.matrix()(j, c);
                }
                sum += row[static_cast<std::size_t>(j)] = std::exp(dot / std::sqrt(square) / 4.0);
            }
            for (Index j = 0; j < 90; ++j)
                QVERIFY(std::fabs(map.matrix()(i, j) - row[static_cast<std::size_t>(j)] / sum) < 1e-6);
        }
    }

    void moreRoundsFindMore()
    {
        const auto data = clustered(400, 22);
        const Matrix64 exact = exactMap(data.inputs(), {});
        double before = 1.0;
        for (const char* rounds : {"1", "4", "16"}) {
            const double lost = lostMass(mapOf("reformer", data.inputs(), {{"bucket", "32"}, {"rounds", rounds}}), exact);
            QVERIFY2(lost < before, qPrintable(QString::number(lost)));
            before = lost;
        }
        QVERIFY(before < 0.5 * lostMass(mapOf("reformer", data.inputs(), {{"bucket", "32"}, {"rounds", "1"}}), exact));
    }

    void wholeMapIsInReachOfOneChunk()
    {
        const auto data = randomInputs({1, 1, 100, 120, 16, 8}, 23);
        QVERIFY(maxDifference(mapOf("reformer", data.inputs(), {{"bucket", "4096"}}), exactMap(data.inputs(), {})) < 1e-6);
    }
};

static const attnscope::tests::RegisterTest<TestReformer> registered("test_reformer");

#include "test_reformer.moc"
