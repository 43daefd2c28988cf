// SPDX-License-Identifier: GPL-3.0-or-later
// Colour maps are even: lightness rises in equal steps, the diverging one is symmetric about a neutral middle.
#include "core/color/color_map.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>
#include <cmath>

using namespace attnscope;

class TestColorMap : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void names()
    {
        for (const char* name : {"viridis", "cividis", "magma", "grey", "diverging"})
            QCOMPARE(std::string(colorMap(name).name), std::string(name));
        QCOMPARE(std::string(colorMap("no such map").name), std::string("viridis"));
    }

    void lightnessIsAStraightLine()
    {
        for (const ColorMap& map : colorMaps()) {
            const double first = lightness(map.table[0]);
            const double middle = lightness(map.table[128]);
            const double last = lightness(map.table[255]);
            for (std::size_t i = 0; i < 256; ++i) {
                const double t = static_cast<double>(i) / 255.0;
                const double expected = !map.diverging ? std::lerp(first, last, t)
                                        : t < 0.5      ? std::lerp(first, middle, 2 * t)
                                                       : std::lerp(middle, last, 2 * t - 1);
                QVERIFY2(std::abs(lightness(map.table[i]) - expected) < 0.012, std::string(map.name).c_str());
            }
        }
    }

    void sequentialMapsRiseFarEnough()
    {
        for (const ColorMap& map : colorMaps())
            if (!map.diverging)
                QVERIFY(lightness(map.table[255]) - lightness(map.table[0]) > 0.5);
    }

    void divergingIsNeutralInTheMiddle()
    {
        const ColorMap& map = colorMap("diverging");
        QVERIFY(map.diverging);
        const Rgb middle = map.table[128];
        QVERIFY(std::max({middle.r, middle.g, middle.b}) - std::min({middle.r, middle.g, middle.b}) < 12);
        QVERIFY(map.table[0].b > map.table[0].r);
        QVERIFY(map.table[255].r > map.table[255].b);
        QVERIFY(std::abs(lightness(map.table[40]) - lightness(map.table[215])) < 0.06);
    }

    void neighboursDiffer()
    {
        for (const ColorMap& map : colorMaps())
            for (std::size_t i = 8; i < 256; i += 8)
                QVERIFY(map.table[i] != map.table[i - 8]);
    }
};

static const attnscope::tests::RegisterTest<TestColorMap> registered("test_color_map");

#include "test_color_map.moc"
