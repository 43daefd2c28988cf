// SPDX-License-Identifier: GPL-3.0-or-later
// Quartiles against values worked out by hand (NumPy's default definition).
#include "core/bench/statistics.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

class TestStatistics : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void oddAndEvenCounts()
    {
        QCOMPARE(median({5.0, 1.0, 3.0}), 3.0);
        QCOMPARE(median({4.0, 1.0, 3.0, 2.0}), 2.5);
    }

    void quartilesInterpolate()
    {
        const auto q = quartiles({7.0, 1.0, 3.0, 5.0});
        QCOMPARE(q.q1, 2.5); // at 0.75 of the way from 1 to 3
        QCOMPARE(q.median, 4.0);
        QCOMPARE(q.q3, 5.5);
    }

    void oneValueIsAllOfThem()
    {
        const auto q = quartiles({2.5});
        QCOMPARE(q.q1, 2.5);
        QCOMPARE(q.median, 2.5);
        QCOMPARE(q.q3, 2.5);
    }

    void outlierDoesNotMoveTheMedian() { QCOMPARE(median({1.0, 1.1, 1.2, 1.3, 900.0}), 1.2); }

    void emptyGivesZeros() { QCOMPARE(median({}), 0.0); }
};

static const attnscope::tests::RegisterTest<TestStatistics> registered("test_statistics");

#include "test_statistics.moc"
