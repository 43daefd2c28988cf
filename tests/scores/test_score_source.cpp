// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks that leave the map are refused; cells, empty blocks and masks read as they should.
#include "core/scores/dense_source.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestScoreSource : public QObject {
    Q_OBJECT

private:
    static std::shared_ptr<const ScoreSource> counting(Index rows, Index cols, Index firstVisible)
    {
        Tensor t(1, 1, rows, cols);
        for (Index i = 0; i < t.size(); ++i)
            t.values()[static_cast<std::size_t>(i)] = static_cast<float>(i);
        return makeDenseSource(std::move(t), Provenance::Sampled, firstVisible);
    }

private Q_SLOTS:
    void blocksOutsideAreRefused()
    {
        const auto source = counting(9, 14, 14);
        Tensor out(1, 1, 4, 4);
        const Block bad[] = {{6, 0, 4, 4, 0}, {0, 11, 4, 4, 0}, {-1, 0, 4, 4, 0}, {0, -1, 4, 4, 0},
                             {2, 0, 4, 4, 1}, {0, 0, 4, 4, 63}, {0, 0, 4, 4, -1}, {0, 0, 3, 4, 0}};
        for (const Block& block : bad) {
            const auto read = source->read(block, Pool::Max, out.matrix(), {});
            QVERIFY(!read.ok());
            QCOMPARE(read.error().code, Errc::InvalidShape);
        }
        QVERIFY(source->read({5, 10, 4, 4, 0}, Pool::Max, out.matrix(), {}).ok());
        QVERIFY(source->read({1, 3, 4, 4, 1}, Pool::Max, out.matrix(), {}).ok());
        QVERIFY(source->read({9, 14, 0, 0, 0}, Pool::Max, {nullptr, 0, 0, 0}, {}).ok());
        QVERIFY(!source->cell(9, 0).ok());
    }

    void denseCellsAndMask()
    {
        const auto all = counting(5, 8, 8);
        QCOMPARE(*all->cell(4, 7), 39.0F);
        QVERIFY(all->visible(0) == (KeyRange{0, 8}));
        QVERIFY(all->provenance() == Provenance::Sampled);
        const auto causal = counting(5, 8, 4);
        QVERIFY(causal->visible(0) == (KeyRange{0, 4}));
        QVERIFY(causal->visible(4) == (KeyRange{0, 8}));
        QVERIFY(causal->visibleToAny(1, 2) == (KeyRange{0, 6}));
        QCOMPARE(*causal->cell(0, 3), 3.0F);
        QCOMPARE(*causal->cell(0, 4), 0.0F);
        QVERIFY(causal->isZero(0, 6, 3, 2));
        QVERIFY(!causal->isZero(0, 6, 4, 2));
        QVERIFY(!all->isZero(0, 6, 3, 2));
    }

    void stridedOutputsKeepTheirGaps()
    {
        const auto source = counting(64, 64, 64);
        for (const int level : {0, 2}) {
            std::vector<float> wide(8 * 20, -5.0F);
            QVERIFY(source->read({1, 2, 8, 8, level}, Pool::Mean, {wide.data(), 8, 8, 20}, {}).ok());
            for (std::size_t i = 0; i < 8; ++i)
                for (std::size_t j = 0; j < 20; ++j)
                    QVERIFY((wide[i * 20 + j] == -5.0F) == (j >= 8));
        }
    }
};

static const attnscope::tests::RegisterTest<TestScoreSource> registered("test_score_source");

#include "test_score_source.moc"
