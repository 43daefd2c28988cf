// SPDX-License-Identifier: GPL-3.0-or-later
// Growth fits and crossovers on synthetic timers whose exponent and crossing are known.
#include "core/bench/fit.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <functional>
#include <random>

using namespace attnscope;

namespace {

/// Times time(n) * (1 + noise) at 64, 128, ..., 65536, with quartile bars of +-noise.
std::vector<CurvePoint> curveOf(const std::function<double(double)>& time, double noise = 0.0, unsigned seed = 1)
{
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0.0, noise);
    std::vector<CurvePoint> curve;
    for (double n = 64.0; n <= 65536.0; n *= 2.0) {
        const double t = time(n) * std::exp(noise > 0.0 ? normal(random) : 0.0);
        curve.push_back({n, t, t * (1.0 - noise), t * (1.0 + noise)});
    }
    return curve;
}

} // namespace

class TestFit : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void exponentWithinTwoHundredths_data()
    {
        QTest::addColumn<double>("exponent");
        QTest::newRow("constant") << 0.0;
        QTest::newRow("linear") << 1.0;
        QTest::newRow("three halves") << 1.5;
        QTest::newRow("quadratic") << 2.0;
    }
    void exponentWithinTwoHundredths()
    {
        QFETCH(double, exponent);
        for (unsigned seed = 1; seed <= 20; ++seed) {
            const auto fit = fitExponent(curveOf([&](double n) { return 3e-6 * std::pow(n, exponent); }, 0.02, seed));
            QVERIFY(fit.has_value());
            QVERIFY2(std::abs(fit->exponent - exponent) < 0.02, qPrintable(QString::number(fit->exponent)));
            QVERIFY(fit->low < fit->exponent && fit->exponent < fit->high);
            QCOMPARE(fit->to, 65536.0);
        }
    }

    void intervalCoversTheTruthMostly()
    {
        int covered = 0;
        for (unsigned seed = 1; seed <= 200; ++seed) {
            const auto fit = fitExponent(curveOf([](double n) { return 1e-6 * n; }, 0.03, seed));
            covered += fit->low <= 1.0 && 1.0 <= fit->high ? 1 : 0;
        }
        QVERIFY2(covered >= 170 && covered <= 200, qPrintable(QString::number(covered)));
    }

    void exactPowerLawHasNoWidth()
    {
        const auto fit = fitExponent(curveOf([](double n) { return 2e-6 * n * n; }));
        QVERIFY(std::abs(fit->exponent - 2.0) < 1e-9);
        QVERIFY(fit->high - fit->low < 1e-9);
        QVERIFY(std::abs(fit->factor / 2e-6 - 1.0) < 1e-9);
        QCOMPARE(fit->from, 64.0);
        QCOMPARE(fit->points, 11);
    }

    void overheadIsLeftOut()
    {
        const auto fit = fitExponent(curveOf([](double n) { return 0.05 + 1e-8 * n * n; }));
        QVERIFY2(fit->from > 1000.0, qPrintable(QString::number(fit->from)));
        QVERIFY2(std::abs(fit->exponent - 2.0) < 0.05, qPrintable(QString::number(fit->exponent)));
    }

    void tooFewPointsGiveNoFit()
    {
        const auto curve = curveOf([](double n) { return n; });
        QVERIFY(!fitExponent(std::span(curve).first(2)).has_value());
        QVERIFY(fitExponent(std::span(curve).first(3)).has_value());
    }

    void crossoverWithinTwoPercent()
    {
        // 1e-8 n^2 meets 1e-5 n at n = 1000.
        for (unsigned seed = 1; seed <= 20; ++seed) {
            const auto a = curveOf([](double n) { return 1e-8 * n * n; }, 0.005, seed);
            const auto b = curveOf([](double n) { return 1e-5 * n; }, 0.005, seed + 100);
            const auto at = crossover(a, b);
            QVERIFY(at.has_value());
            QVERIFY2(std::abs(at->n / 1000.0 - 1.0) < 0.02, qPrintable(QString::number(at->n)));
            QVERIFY(at->low <= at->n && at->n <= at->high);
        }
    }

    void crossoverIsSymmetric()
    {
        const auto a = curveOf([](double n) { return 1e-8 * n * n; }, 0.02, 5);
        const auto b = curveOf([](double n) { return 1e-5 * n; }, 0.02, 6);
        QVERIFY(std::abs(crossover(a, b)->n - crossover(b, a)->n) < 1e-6);
        QVERIFY(std::abs(crossover(a, b)->low - crossover(b, a)->low) < 1e-6);
    }

    void intervalGrowsWithTheBars()
    {
        auto a = curveOf([](double n) { return 1e-8 * n * n; });
        const auto b = curveOf([](double n) { return 1e-5 * n; });
        QVERIFY(std::abs(crossover(a, b)->n - 1000.0) < 1e-6);
        QVERIFY(crossover(a, b)->high - crossover(a, b)->low < 1e-6);
        for (auto& p : a) {
            p.q1 *= 0.9;
            p.q3 *= 1.1;
        }
        const auto wide = crossover(a, b);
        QVERIFY2(std::abs(wide->low - 1000.0 / 1.1) < 1.0, qPrintable(QString::number(wide->low)));
        QVERIFY2(std::abs(wide->high - 1000.0 / 0.9) < 1.0, qPrintable(QString::number(wide->high)));
    }

    void bentCurvesCrossWhereTheyDo()
    {
        // 0.01 + 1e-8 n^2 = 1.2e-5 n + 0.012 at n = (1.2e-5 + sqrt(1.44e-10 + 8e-11)) / 2e-8
        const double expected = (1.2e-5 + std::sqrt(1.44e-10 + 8e-11)) / 2e-8;
        const auto at =
            crossover(curveOf([](double n) { return 0.01 + 1e-8 * n * n; }), curveOf([](double n) { return 1.2e-5 * n + 0.012; }));
        QVERIFY(at.has_value());
        QVERIFY2(std::abs(at->n / expected - 1.0) < 0.06, qPrintable(QString::number(at->n / expected)));
    }

    void noneWhereCurvesDontCross()
    {
        const auto quick = curveOf([](double n) { return 1e-6 * n; }, 0.02, 3);
        const auto slow = curveOf([](double n) { return 1e-5 * n * std::sqrt(n); }, 0.02, 4);
        QVERIFY(!crossover(quick, slow).has_value());
    }

    void noneWhereCurvesRunAlongEachOther()
    {
        for (unsigned seed = 1; seed <= 20; ++seed) {
            const auto a = curveOf([](double n) { return 1e-6 * n; }, 0.02, seed);
            auto b = curveOf([](double n) { return 1e-6 * n; }, 0.02, seed + 50);
            for (auto& p : b) {
                p.q1 *= 0.9;
                p.q3 *= 1.1;
            }
            QVERIFY(!crossover(a, b).has_value());
        }
    }

    void noneWithoutCommonLengths()
    {
        QVERIFY(!crossover({}, curveOf([](double n) { return n; })).has_value());
    }
};

static const attnscope::tests::RegisterTest<TestFit> registered("test_fit");

#include "test_fit.moc"
