// SPDX-License-Identifier: GPL-3.0-or-later
// The vectorised steps of kernel attention against plain loops, for lengths that fill vectors and lengths that don't.
#include "core/compute/feature_ops.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace attnscope;

namespace {

const std::vector<std::size_t> kLengths{1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 100};

std::vector<float> drawn(std::size_t count, unsigned seed, float deviation = 3.0F)
{
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0F, deviation);
    std::vector<float> x(count);
    for (float& value : x)
        value = normal(random);
    return x;
}

bool close(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * std::max(1e-30, std::abs(b)); }

} // namespace

class TestFeatureOps : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void exponentials()
    {
        for (const std::size_t n : kLengths) {
            const auto x = drawn(n, 1);
            const auto shift = drawn(n, 2);
            std::vector<float> out(n);
            expMinus(x, shift, out);
            for (std::size_t i = 0; i < n; ++i)
                QVERIFY(close(out[i], std::exp(static_cast<double>(x[i] - shift[i])), 1e-6));
            const float top = expPlus(x, shift, out);
            float expected = -std::numeric_limits<float>::infinity();
            for (std::size_t i = 0; i < n; ++i)
                expected = std::max(expected, x[i] + shift[i]);
            QCOMPARE(top, expected);
            QCOMPARE(*std::max_element(out.begin(), out.end()), 1.0F);
            for (std::size_t i = 0; i < n; ++i)
                QVERIFY(close(out[i], std::exp(static_cast<double>(x[i] + shift[i] - top)), 1e-6));
        }
    }

    void sinesAndCosines()
    {
        for (const float deviation : {3.0F, 5000.0F, 1e6F})
            for (const std::size_t n : kLengths) {
                const auto x = drawn(n, 8, deviation);
                auto cosine = x;
                std::vector<float> sine(n);
                waves(cosine, 1.5F, sine);
                for (std::size_t i = 0; i < n; ++i) {
                    const double angle = static_cast<double>(1.5F * x[i]);
                    QVERIFY(std::abs(sine[i] - std::sin(angle)) < 1e-6);
                    QVERIFY(std::abs(cosine[i] - std::cos(angle)) < 1e-6);
                }
            }
    }

    void logarithmsOfFeatures()
    {
        for (const std::size_t n : kLengths) {
            auto x = drawn(n, 3);
            x[0] = 0.0F;
            std::vector<float> out(n);
            logEluPlusOne(x, out);
            for (std::size_t i = 0; i < n; ++i)
                QVERIFY(std::abs(out[i] - (x[i] > 0.0F ? std::log1p(static_cast<double>(x[i])) : x[i])) < 1e-6 * (1.0 + std::abs(x[i])));
            auto y = x;
            logReluPlus(y, 1e-3F);
            for (std::size_t i = 0; i < n; ++i)
                QVERIFY(std::abs(y[i] - std::log(std::max(0.0, static_cast<double>(x[i])) + 1e-3)) < 2e-6);
        }
    }

    void sumsAndMaxima()
    {
        for (const std::size_t n : kLengths) {
            const auto x = drawn(2 * n, 4);
            const auto count = static_cast<Index>(n);
            std::vector<float> top(n, -1.0F);
            columnMax({x.data(), 2, count, count}, top);
            double sum = 0.0;
            double size = 0.0;
            for (std::size_t i = 0; i < n; ++i) {
                QCOMPARE(top[i], std::max({-1.0F, x[i], x[n + i]}));
                sum += static_cast<double>(x[i]) * x[n + i];
                size += std::abs(static_cast<double>(x[i]) * x[n + i]);
            }
            QVERIFY(std::abs(dot({x.data(), n}, {x.data() + n, n}) - sum) < 1e-6 * size);
        }
    }

    void scaledSums()
    {
        for (const std::size_t n : kLengths) {
            const auto x = drawn(n, 5);
            std::vector<double> y(n, 2.0);
            rescaleAndAdd(y, 0.25, x);
            std::vector<float> out(n);
            combineScaled(y, 3.0, y, -1.0, out);
            for (std::size_t i = 0; i < n; ++i) {
                QCOMPARE(y[i], 0.5 + static_cast<double>(x[i]));
                QVERIFY(close(out[i], 2.0 * y[i], 1e-7));
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestFeatureOps> registered("test_feature_ops");

#include "test_feature_ops.moc"
