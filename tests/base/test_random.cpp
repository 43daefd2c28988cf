// SPDX-License-Identifier: GPL-3.0-or-later
// The random numbers: fixed for all time and machines, evenly spread, independent between streams.
#include "core/base/random.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>

using attnscope::Random;

class TestRandom : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void neverChanges()
    {
        Random a(0);
        QCOMPARE(a.next(), 0xAC915B3BC5A9D5ADULL);
        QCOMPARE(a.next(), 0x366E75CE37EFD34CULL);
        Random b(42, 3);
        QCOMPARE(b.next(), 0xB58A36087A47C784ULL);
        Random c(1);
        for (const double expected : {1.1175380814400753, -0.44941409607215688, -0.86561877091586636, -0.90755040299729695})
            QVERIFY(std::abs(c.normal() - expected) < 1e-14);
    }

    void normalMoments()
    {
        Random random(7);
        const int count = 200000;
        double sums[5] = {};
        for (int i = 0; i < count; ++i) {
            const double x = random.normal();
            for (int p = 1; p <= 4; ++p)
                sums[p] += std::pow(x, p) / count;
        }
        // Five standard errors of each sample moment.
        QVERIFY(std::abs(sums[1]) < 5.0 * std::sqrt(1.0 / count));
        QVERIFY(std::abs(sums[2] - 1.0) < 5.0 * std::sqrt(2.0 / count));
        QVERIFY(std::abs(sums[3]) < 5.0 * std::sqrt(15.0 / count));
        QVERIFY(std::abs(sums[4] - 3.0) < 5.0 * std::sqrt(96.0 / count));
    }

    void uniformStaysInside()
    {
        Random random(8);
        double mean = 0.0;
        for (int i = 0; i < 100000; ++i) {
            const double u = random.uniform();
            QVERIFY(u > 0.0 && u < 1.0);
            mean += u / 100000.0;
        }
        QVERIFY(std::abs(mean - 0.5) < 5.0 * std::sqrt(1.0 / 12.0 / 100000.0));
    }

    void streamsAndSeedsAreIndependent_data()
    {
        QTest::addColumn<quint64>("seed");
        QTest::addColumn<quint64>("stream");
        QTest::newRow("next seed") << quint64(1) << quint64(0);
        QTest::newRow("next stream") << quint64(0) << quint64(1);
        QTest::newRow("far seed") << quint64(1) << (quint64(1) << 60);
    }
    void streamsAndSeedsAreIndependent()
    {
        QFETCH(quint64, seed);
        QFETCH(quint64, stream);
        Random a(0);
        Random b(seed, stream);
        double correlation = 0.0;
        for (int i = 0; i < 100000; ++i)
            correlation += a.normal() * b.normal() / 100000.0;
        QVERIFY(std::abs(correlation) < 5.0 / std::sqrt(100000.0));
    }
};

static const attnscope::tests::RegisterTest<TestRandom> registered("test_random");

#include "test_random.moc"
