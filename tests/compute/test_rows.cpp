// SPDX-License-Identifier: GPL-3.0-or-later
// Row maxima, sums, exponentials and softmax against float64, at every length around the vectors' ends.
#include "core/compute/dense.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <limits>
#include <numeric>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

constexpr double kEps = std::numeric_limits<float>::epsilon();

std::vector<float> randomRow(std::size_t count, std::uint64_t seed, float deviation)
{
    std::mt19937_64 random(seed);
    std::vector<float> row(count);
    fillNormal(row, random, deviation);
    return row;
}

} // namespace

class TestRows : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalFloat64()
    {
        for (const std::size_t count : {1, 3, 15, 16, 17, 31, 33, 64, 100, 1023, 1024, 1025, 5000}) {
            const auto x = randomRow(count, count, 4.0F);
            const float top = *std::max_element(x.begin(), x.end());
            QCOMPARE(rowMax(x), top);
            double sum = 0.0;
            double magnitude = 0.0;
            double expSum = 0.0;
            for (const float v : x) {
                sum += static_cast<double>(v);
                magnitude += std::fabs(static_cast<double>(v));
                expSum += std::exp(static_cast<double>(v) - top);
            }
            QVERIFY(std::fabs(rowSum(x) - sum) <= 64.0 * kEps * magnitude);
            QVERIFY(std::fabs(logSumExp(x) - (top + std::log(expSum))) <= 64.0 * kEps);
            auto e = x;
            QVERIFY(std::fabs(expRow(e, top) - expSum) <= 64.0 * kEps * expSum);
            for (std::size_t i = 0; i < count; ++i) {
                const double truth = std::exp(static_cast<double>(x[i]) - top);
                // The difference itself is rounded: up to eps/2 of 20.
                QVERIFY(std::fabs(e[i] - truth) <= 20.0 * kEps * truth);
            }
            auto y = x;
            scaleRow(y, 0.25F);
            addScaledRow(y, 2.0F, x);
            for (std::size_t i = 0; i < count; ++i)
                QCOMPARE(y[i], 2.25F * x[i]);
        }
    }

    void maskedAndEmptyRows()
    {
        constexpr float masked = -std::numeric_limits<float>::infinity();
        std::vector<float> x{masked, 1.0F, masked, 2.0F};
        QVERIFY(std::fabs(logSumExp(x) - std::log(std::exp(1.0) + std::exp(2.0))) < 1e-6);
        expRow(x, 2.0F);
        QCOMPARE(x[0], 0.0F);
        QCOMPARE(x[3], 1.0F);
        QCOMPARE(rowMax({}), masked);
        QCOMPARE(logSumExp({}), -std::numeric_limits<double>::infinity());
        QCOMPARE(logSumExp(std::vector<float>(20, masked)), -std::numeric_limits<double>::infinity());
        QCOMPARE(rowSum({}), 0.0);
        std::vector<float> low(40, -1000.0F);
        QCOMPARE(expRow(low, 0.0F), 0.0);
    }

    void logAddExpOfParts()
    {
        QVERIFY(std::fabs(logAddExp(std::log(2.0), std::log(5.0)) - std::log(7.0)) < 1e-14);
        QCOMPARE(logAddExp(-std::numeric_limits<double>::infinity(), 3.0), 3.0);
        QCOMPARE(logAddExp(1e4, 1e4), 1e4 + std::log(2.0));
    }

    void softmaxOfMaskedRows()
    {
        auto x = randomRow(30 * 41, 7, 3.0F);
        const auto logits = x;
        softmaxRows({x.data(), 30, 41, 41}, 12);
        for (std::size_t i = 0; i < 30; ++i) {
            double sum = 0.0;
            for (std::size_t j = 0; j < 12 + i && j < 41; ++j)
                sum += std::exp(static_cast<double>(logits[i * 41 + j]));
            for (std::size_t j = 0; j < 41; ++j) {
                const double truth = j < 12 + i ? std::exp(static_cast<double>(logits[i * 41 + j])) / sum : 0.0;
                QVERIFY(std::fabs(x[i * 41 + j] - truth) < 1e-6);
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestRows> registered("test_rows");

#include "test_rows.moc"
