// SPDX-License-Identifier: GPL-3.0-or-later
// Normalisations, ranges, ticks and printed values.
#include "core/color/color_scale.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <limits>

using namespace attnscope;

namespace {

ColorScale makeScale(Normalisation normalisation, double low, double high, const char* map = "viridis")
{
    return {normalisation, low, high, &colorMap(map)};
}

} // namespace

class TestColorScale : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void positionAndValueAreInverse()
    {
        for (const ColorScale& scale : {makeScale(Normalisation::Log, 1e-6, 1.0), makeScale(Normalisation::Linear, -1.0, 3.0),
                                        makeScale(Normalisation::Sqrt, 0.0, 4.0), makeScale(Normalisation::Symlog, -0.5, 0.5)}) {
            QCOMPARE(scale.position(scale.low), 0.0);
            QCOMPARE(scale.position(scale.high), 1.0);
            for (double t = 0.05; t < 1.0; t += 0.05)
                QVERIFY(std::abs(scale.position(scale.value(t)) - t) < 1e-9);
        }
    }

    void logHasAFloor()
    {
        const auto scale = makeScale(Normalisation::Log, 1e-6, 1.0);
        QCOMPARE(scale.position(0.0), 0.0);
        QCOMPARE(scale.position(-3.0), 0.0);
        QVERIFY(std::abs(scale.position(1e-3) - 0.5) < 1e-12);
        QCOMPARE(scale.position(7.0), 1.0);
    }

    void symlogIsOdd()
    {
        const auto scale = makeScale(Normalisation::Symlog, -0.8, 0.8, "diverging");
        QCOMPARE(scale.position(0.0), 0.5);
        for (const double x : {1e-5, 1e-3, 0.1, 0.7})
            QVERIFY(std::abs(scale.position(x) + scale.position(-x) - 1.0) < 1e-12);
    }

    void lookupEqualsColor()
    {
        for (const ColorScale& scale : {makeScale(Normalisation::Log, 1e-5, 0.7), makeScale(Normalisation::Linear, 0.0, 0.2),
                                        makeScale(Normalisation::Sqrt, -1.0, 1.0), makeScale(Normalisation::Symlog, -0.3, 0.3)}) {
            const ColorLookup lookup(scale);
            for (float x = -1.2F; x < 1.2F; x += 0.00137F) {
                const int exact = static_cast<int>(scale.position(x) * 255.0 + 0.5);
                QVERIFY(std::abs(int(lookup.index(x)) - exact) <= 1);
            }
            QCOMPARE(int(lookup.index(static_cast<float>(scale.high))), 255);
        }
    }

    void drawable()
    {
        QVERIFY(isDrawable(0.0F) && isDrawable(-1e30F));
        QVERIFY(!isDrawable(std::nanf("")) && !isDrawable(INFINITY) && !isDrawable(-INFINITY));
    }

    void autoScaleOfMaps()
    {
        const auto log = autoScale({0.0, 0.63, 3e-4}, Normalisation::Log, colorMap("viridis"));
        QVERIFY(std::abs(log.low - 1e-4) < 1e-12);
        QCOMPARE(log.high, 0.63);
        QCOMPARE(autoScale({0.0, 0.63, 1e-30}, Normalisation::Log, colorMap("viridis")).low, kLogFloor);
        const auto linear = autoScale({0.1, 0.63, 0.1}, Normalisation::Linear, colorMap("viridis"));
        QCOMPARE(linear.low, 0.0);
        QCOMPARE(autoScale({-0.2, 0.63, 0.1}, Normalisation::Linear, colorMap("viridis")).low, -0.2);
    }

    void errorsAreCentred()
    {
        const auto scale = autoScale({-0.1, 0.4, 1e-5}, Normalisation::Log, colorMap("diverging"));
        QCOMPARE(scale.normalisation, Normalisation::Symlog);
        QCOMPARE(scale.low, -0.4);
        QCOMPARE(scale.high, 0.4);
        const Rgb zero = scale.color(0.0);
        QVERIFY(zero.r > 235 && zero.g > 235 && zero.b > 235);
    }

    void neverEmpty()
    {
        for (const auto normalisation : {Normalisation::Log, Normalisation::Linear, Normalisation::Symlog, Normalisation::Sqrt})
            for (const char* map : {"viridis", "diverging"}) {
                const auto scale = autoScale({0.0, 0.0, 0.0}, normalisation, colorMap(map));
                QVERIFY(scale.high > scale.low);
            }
    }

    void unitedRanges()
    {
        QCOMPARE(united({0.0, 1.0, 0.0}, {-1.0, 0.5, 0.25}), (ValueRange{-1.0, 1.0, 0.25}));
        QCOMPARE(united({0.0, 1.0, 0.5}, {0.0, 0.5, 0.25}), (ValueRange{0.0, 1.0, 0.25}));
    }

    void ticksStandAtTheirValues()
    {
        const auto log = makeScale(Normalisation::Log, 1e-6, 1.0);
        const auto ticks = ticksOf(log, 7);
        QCOMPARE(ticks.size(), std::size_t(7));
        QCOMPARE(ticks.front().label, std::string("10⁻⁶"));
        QCOMPARE(ticks.back().label, std::string("1"));
        QVERIFY(ticksOf(log, 3).size() <= 4);
        const auto linear = ticksOf(makeScale(Normalisation::Linear, 0.0, 0.83), 4);
        QCOMPARE(linear[1].label, std::string("0.5"));
        QVERIFY(std::abs(linear[1].position - 0.5 / 0.83) < 1e-12);
        bool hasZero = false;
        for (const auto& tick : ticksOf(makeScale(Normalisation::Symlog, -0.5, 0.5), 5)) {
            hasZero = hasZero || tick.label == "0";
            QVERIFY(tick.position >= 0.0 && tick.position <= 1.0);
        }
        QVERIFY(hasZero);
    }

    void printedValues()
    {
        QCOMPARE(formatValue(0.41234), std::string("0.412"));
        QCOMPARE(formatValue(-0.31512), std::string("−0.315"));
        QCOMPARE(formatValue(0.0), std::string("0"));
        QCOMPARE(formatValue(0.00123456), std::string("0.00123"));
        QCOMPARE(formatValue(3.2e-7, 2), std::string("3.2e-07"));
        QCOMPARE(formatValue(std::nan("")), std::string("NaN"));
        QCOMPARE(formatValue(-INFINITY), std::string("−∞"));
    }
};

static const attnscope::tests::RegisterTest<TestColorScale> registered("test_color_scale");

#include "test_color_scale.moc"
