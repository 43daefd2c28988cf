// SPDX-License-Identifier: GPL-3.0-or-later
// Maps given by factors: cells, masked cells and the fast mean levels against the dense product.
#include "core/scores/dense_source.h"
#include "core/scores/low_rank_source.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestLowRankSource : public QObject {
    Q_OBJECT

private:
    static LowRankFactors factors(Index rows, Index cols, Index rank, Index firstVisible)
    {
        LowRankFactors made{Tensor(1, 1, rows, rank), Tensor(1, 1, cols, rank), firstVisible};
        std::mt19937_64 random(111);
        fillNormal(made.left.values(), random);
        fillNormal(made.right.values(), random);
        return made;
    }

private Q_SLOTS:
    void cellsAreProducts()
    {
        for (const Index firstVisible : {Index{70}, Index{20}}) {
            const auto f = factors(50, 70, 9, firstVisible);
            const auto source = makeLowRankSource(factors(50, 70, 9, firstVisible), Provenance::Fitted);
            QVERIFY(source->provenance() == Provenance::Fitted);
            Matrix64 truth(50, 70);
            for (Index i = 0; i < 50; ++i)
                for (Index j = 0; j < std::min<Index>(70, firstVisible + i); ++j)
                    for (Index c = 0; c < 9; ++c)
                        truth(i, j) += static_cast<double>(f.left.matrix()(i, c)) * f.right.matrix()(j, c);
            QVERIFY(maxDifference(readWhole(*source), truth) < 5e-6);
        }
    }

    void meanLevelsEqualPooledCells()
    {
        // Square, wide, tall; masked from the corner, from further right, from before the first key, and not at all.
        for (const auto& [rows, cols] : {std::pair<Index, Index>{150, 150}, {90, 333}, {333, 90}})
            for (const Index firstVisible : {Index{1}, Index{40}, Index{-30}, cols}) {
                const auto source = makeLowRankSource(factors(rows, cols, 7, firstVisible));
                const auto dense = makeDenseSource(readWhole(*source));
                for (int level = 1; level < 10; ++level)
                    QVERIFY(maxDifference(readWhole(*source, level), readWhole(*dense, level)) < 2e-6);
                QVERIFY(maxDifference(readWhole(*source, 3, Pool::Max), readWhole(*dense, 3, Pool::Max)) < 2e-6);
            }
    }

    void partsOfALevelEqualTheWhole()
    {
        const auto source = makeLowRankSource(factors(200, 300, 5, 101));
        const Tensor whole = readWhole(*source, 3);
        Tensor part(1, 1, 6, 11);
        QVERIFY(source->read({13, 20, 6, 11, 3}, Pool::Mean, part.matrix(), {}).ok());
        for (Index i = 0; i < 6; ++i)
            for (Index j = 0; j < 11; ++j)
                QVERIFY(std::fabs(part.matrix()(i, j) - whole.matrix()(13 + i, 20 + j)) < 1e-6);
    }
};

static const attnscope::tests::RegisterTest<TestLowRankSource> registered("test_low_rank_source");

#include "test_low_rank_source.moc"
