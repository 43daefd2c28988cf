// SPDX-License-Identifier: GPL-3.0-or-later
// BigBird's pattern against a mask over pairs, its random blocks, and its lost mass.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <set>

using namespace attnscope;
using namespace attnscope::tests;

class TestBigbird : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void eachRowSeesWhatThePatternSays()
    {
        const auto data = randomInputs({1, 1, 203, 203, 16, 8}, 11); // 13 blocks of 16, the last with 11 tokens
        const Tensor map = mapOf("bigbird", data.inputs(), {{"block", "16"}, {"random", "2"}});
        QVERIFY(!map.empty());
        for (Index i = 0; i < 203; ++i) {
            const Index own = i / 16;
            std::set<Index> far;
            for (Index j = 0; j < 203; ++j) {
                const Index block = j / 16;
                const bool fixed = own == 0 || own == 12 || block == 0 || block == 12 || std::abs(block - own) <= 1;
                if (fixed)
                    QVERIFY(map.matrix()(i, j) > 0.0F);
                else if (map.matrix()(i, j) > 0.0F)
                    far.insert(block);
            }
            QCOMPARE(far.size(), own == 0 || own == 12 ? std::size_t{0} : std::size_t{2});
        }
    }

    void randomBlocksDependOnSeedAndHead()
    {
        const auto data = randomInputs({1, 2, 320, 320, 8, 8}, 12);
        const Tensor first = mapOf("bigbird", data.inputs(), {{"block", "16"}}, {}, 1);
        QCOMPARE(maxDifference(first, mapOf("bigbird", data.inputs(), {{"block", "16"}}, {}, 1)), 0.0);
        QVERIFY(maxDifference(first, mapOf("bigbird", data.inputs(), {{"block", "16"}}, {}, 2)) > 1e-3);
    }

    void totalVariationIsTheLostMass()
    {
        const auto data = randomInputs({1, 1, 260, 260, 24, 8}, 13, 1.5F);
        const Matrix64 exact = exactMap(data.inputs(), {});
        const Tensor map = mapOf("bigbird", data.inputs(), {{"block", "16"}, {"random", "1"}});
        const double lost = lostMass(map, exact);
        QVERIFY(lost > 0.05);
        QVERIFY(std::fabs(totalVariation(map, exact) - lost) < 1e-6);
    }
};

static const attnscope::tests::RegisterTest<TestBigbird> registered("test_bigbird");

#include "test_bigbird.moc"
