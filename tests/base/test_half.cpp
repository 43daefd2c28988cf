// SPDX-License-Identifier: GPL-3.0-or-later
// float16 and bfloat16 against the values that their definitions give.
#include "core/base/half.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <limits>

using namespace attnscope;

namespace {

/// IEEE 754 binary16 by its definition.
double defined(std::uint16_t bits)
{
    const int exponent = (bits >> 10) & 31;
    const int fraction = bits & 1023;
    const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
    if (exponent == 31)
        return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
    return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

} // namespace

class TestHalf : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyHalfIsItsDefinition()
    {
        for (int bits = 0; bits < 65536; ++bits) {
            const double expected = defined(static_cast<std::uint16_t>(bits));
            const float got = floatFromHalf(static_cast<std::uint16_t>(bits));
            QVERIFY(std::isnan(expected) ? std::isnan(got)
                                         : expected == static_cast<double>(got) && std::signbit(expected) == std::signbit(got));
        }
    }

    void everyHalfSurvivesARoundTrip()
    {
        for (int bits = 0; bits < 65536; ++bits)
            if (!std::isnan(floatFromHalf(static_cast<std::uint16_t>(bits))))
                QCOMPARE(int(halfFromFloat(floatFromHalf(static_cast<std::uint16_t>(bits)))), bits);
    }

    void roundsToTheNearestHalfTiesToEven()
    {
        for (std::uint16_t bits = 0; bits < 0x7bff; ++bits) {
            const float low = floatFromHalf(bits);
            const float high = floatFromHalf(static_cast<std::uint16_t>(bits + 1));
            const float middle = (low + high) / 2.0F; // exact in float32
            QCOMPARE(int(halfFromFloat(middle)), bits % 2 == 0 ? int(bits) : bits + 1);
            QCOMPARE(int(halfFromFloat(std::nextafter(middle, 0.0F))), int(bits));
            QCOMPARE(int(halfFromFloat(std::nextafter(middle, 1e9F))), bits + 1);
        }
    }

    void tooLargeBecomesInfinity()
    {
        QCOMPARE(int(halfFromFloat(65519.0F)), 0x7bff);
        QCOMPARE(int(halfFromFloat(65520.0F)), 0x7c00);
        QCOMPARE(int(halfFromFloat(-1e30F)), 0xfc00);
        QVERIFY(std::isnan(floatFromHalf(halfFromFloat(std::nanf("")))));
    }

    void bfloat16IsTheUpperHalfOfAFloat()
    {
        QCOMPARE(floatFromBfloat16(0x3f80), 1.0F);
        QCOMPARE(floatFromBfloat16(0xc049), -3.140625F);
        QVERIFY(std::isinf(floatFromBfloat16(0x7f80)));
        QVERIFY(std::isnan(floatFromBfloat16(0x7fc0)));
    }
};

static const attnscope::tests::RegisterTest<TestHalf> registered("test_half");

#include "test_half.moc"
