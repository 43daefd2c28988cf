// SPDX-License-Identifier: GPL-3.0-or-later
// Features that need no logarithm against float64, what counts as plain, and the sums that go with them.
#include "core/compute/dense.h"
#include "core/compute/plain_features.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <limits>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const std::vector<Index> kWidths{1, 3, 15, 16, 17, 31, 64, 100};

bool close(double a, double b) { return std::abs(a - b) <= 3e-7 * std::abs(b); }

/// A random matrix in a wider buffer: what lies between its rows must not matter.
struct Padded {
    std::vector<float> values;
    MatrixView<float> view;

    Padded(Index rows, Index cols, std::uint64_t seed, float factor = 2.0F)
        : values(static_cast<std::size_t>(rows * (cols + 3)), std::numeric_limits<float>::quiet_NaN())
    {
        std::mt19937_64 random(seed);
        view = {values.data(), rows, cols, cols + 3};
        for (Index i = 0; i < rows; ++i) {
            fillNormal(view.rowSpan(i), random);
            for (float& x : view.rowSpan(i))
                x *= factor;
        }
    }
};

} // namespace

class TestPlainFeatures : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void exponentialOfAllSizes()
    {
        for (double x = -86.0; x < 86.0; x += 0.0371) {
            std::vector<float> row{static_cast<float>(x)};
            expRow(row, 0.0F);
            QVERIFY(std::abs(row[0] / std::exp(static_cast<double>(static_cast<float>(x))) - 1.0) < 1.5e-7);
        }
        std::vector<float> ends{-std::numeric_limits<float>::infinity(), -1e30F, -100.0F, 0.0F};
        expRow(ends, 0.0F);
        QCOMPARE(ends, (std::vector<float>{0.0F, 0.0F, 0.0F, 1.0F}));
        std::vector<float> none{std::numeric_limits<float>::quiet_NaN()};
        expRow(none, 0.0F);
        QVERIFY(std::isnan(none[0]));
    }

    void features()
    {
        for (const Index cols : kWidths) {
            const Padded x(5, cols, 7);
            Padded elu(5, cols, 8);
            Padded scaled(5, cols, 9);
            Padded soft(5, cols, 10);
            QVERIFY(plainEluPlusOne(x.view, elu.view));
            QVERIFY(plainScaledExp(x.view, 0.5F, scaled.view));
            QVERIFY(plainSoftmax(x.view, 0.5F, soft.view));
            for (Index i = 0; i < 5; ++i) {
                double sum = 0.0;
                for (Index j = 0; j < cols; ++j)
                    sum += std::exp(0.5 * x.view(i, j));
                for (Index j = 0; j < cols; ++j) {
                    const double v = x.view(i, j);
                    QVERIFY(close(elu.view(i, j), v > 0.0 ? v + 1.0 : std::exp(v)));
                    QVERIFY(close(scaled.view(i, j), std::exp(0.5 * v)));
                    QVERIFY(std::abs(soft.view(i, j) - std::exp(0.5 * v) / sum) < 1e-6 * std::exp(0.5 * v) / sum);
                }
            }
        }
    }

    void shiftedExponentials()
    {
        for (const Index cols : kWidths) {
            const Padded x(4, cols, 11);
            Padded y(4, cols, 11);
            const std::vector<float> shift{0.0F, 1.0F, -2.0F, 5.5F};
            QVERIFY(plainExp(y.view, shift));
            for (Index i = 0; i < 4; ++i)
                for (Index j = 0; j < cols; ++j)
                    QVERIFY(close(y.view(i, j), std::exp(static_cast<double>(x.view(i, j) - shift[static_cast<std::size_t>(i)]))));
        }
    }

    void whatIsNotPlain()
    {
        for (const Index cols : kWidths)
            for (const Index at : {Index{0}, cols / 2, cols - 1})
                for (const float bad : {-31.0F, std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), 1e13F}) {
                    Padded x(3, cols, 12, 1.0F);
                    Padded out(3, cols, 13);
                    x.view(2, at) = bad;
                    QVERIFY(!plainEluPlusOne(x.view, out.view));
                    QVERIFY(!plainScaledExp(x.view, 1.0F, out.view));
                    QVERIFY(cols == 1 || !plainSoftmax(x.view, 1.0F, out.view));
                    QVERIFY(!plainExp(x.view, std::vector<float>(3, 0.0F)));
                }
    }

    void sums()
    {
        for (const Index cols : kWidths) {
            const Padded x(7, cols, 14);
            const Padded w(1, cols, 15);
            std::vector<float> columns(static_cast<std::size_t>(cols));
            std::vector<float> squares(7);
            std::vector<double> products(7);
            Padded scaled(7, cols, 16);
            columnSums(x.view, columns);
            rowSquares(x.view, 0.5F, squares);
            timesVector(x.view, w.view.rowSpan(0), products);
            scaleRowsInto(x.view, std::vector<float>(7, 3.0F), scaled.view);
            for (Index j = 0; j < cols; ++j) {
                double sum = 0.0;
                for (Index i = 0; i < 7; ++i)
                    sum += x.view(i, j);
                QVERIFY(std::abs(columns[static_cast<std::size_t>(j)] - sum) < 1e-5);
            }
            for (Index i = 0; i < 7; ++i) {
                double square = 0.0;
                double product = 0.0;
                for (Index j = 0; j < cols; ++j) {
                    square += 0.5 * x.view(i, j) * x.view(i, j);
                    product += static_cast<double>(x.view(i, j)) * w.view(0, j);
                    QCOMPARE(scaled.view(i, j), 3.0F * x.view(i, j));
                }
                QVERIFY(std::abs(squares[static_cast<std::size_t>(i)] - square) < 1e-6 * square + 1e-12);
                QVERIFY(std::abs(products[static_cast<std::size_t>(i)] - product) < 1e-4);
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestPlainFeatures> registered("test_plain_features");

#include "test_plain_features.moc"
