// SPDX-License-Identifier: GPL-3.0-or-later
// Ranges of known samples: an even grid, a logarithmic one with outliers, and samples without a range.
#include "core/color/range_rule.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>

using namespace attnscope;

namespace {

// 0, 1, ..., 1000, out of order.
std::vector<float> grid()
{
    std::vector<float> values;
    for (int i = 0; i <= 1000; ++i)
        values.push_back(static_cast<float>(i * 8 % 1001)); // 8 and 1001 have no common factor
    return values;
}

ColorScale scaleOf(Normalisation normalisation) { return {normalisation, 0.0, 1.0, &colorMap("viridis")}; }

} // namespace

class TestRangeRule : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void centralShares()
    {
        const auto linear = scaleOf(Normalisation::Linear);
        QCOMPARE(*rangeBy(RangeRule::Full, grid(), linear), std::pair(0.0, 1000.0));
        QCOMPARE(*rangeBy(RangeRule::Percent99, grid(), linear), std::pair(5.0, 995.0));
        const auto most = *rangeBy(RangeRule::Percent999, grid(), linear);
        QVERIFY(most.first <= 1.0 && most.second >= 999.0);
    }

    void threeSigmaDropsOutliersInTheScalesSpace()
    {
        std::vector<float> values; // logarithms 1e-3 with spread 0.1, and one far outlier on each side
        for (int i = -500; i <= 500; ++i)
            values.push_back(static_cast<float>(std::pow(10.0, -3.0 + i / 5000.0)));
        const double sigma = 0.1 / std::sqrt(3.0); // of an even spread
        const auto plain = *rangeBy(RangeRule::ThreeSigma, values, scaleOf(Normalisation::Log));
        QVERIFY(std::abs(std::log10(plain.second) + 2.9) < 1e-3); // 3 sigma is beyond the values: cut at them
        values.push_back(0.9F);
        const auto cut = *rangeBy(RangeRule::ThreeSigma, values, scaleOf(Normalisation::Log));
        QVERIFY(cut.second < 0.01);
        QVERIFY(cut.second > std::pow(10.0, -3.0 + 3.0 * sigma));
    }

    void logScalesLeaveOutWhatTheyCannotShow()
    {
        const auto range = *rangeBy(RangeRule::Full, {0.0F, -1.0F, 1e-9F, 1e-4F, 0.5F}, scaleOf(Normalisation::Log));
        QCOMPARE(range, std::pair(double(1e-4F), 0.5));
    }

    void noRangeWithoutTwoValues()
    {
        const auto linear = scaleOf(Normalisation::Linear);
        QVERIFY(!rangeBy(RangeRule::Full, {}, linear));
        QVERIFY(!rangeBy(RangeRule::Percent99, {0.5F, 0.5F}, linear));
        QVERIFY(!rangeBy(RangeRule::ThreeSigma, {NAN, INFINITY}, linear));
    }
};

static const attnscope::tests::RegisterTest<TestRangeRule> registered("test_range_rule");

#include "test_range_rule.moc"
