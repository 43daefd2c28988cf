// SPDX-License-Identifier: GPL-3.0-or-later
// Products with lower triangles and their linear systems against plain float64 loops, with poisoned outputs.
#include "core/compute/fetch_ahead.h"
#include "core/compute/triangle.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <limits>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();
const std::vector<Index> kSizes{1, 2, 6, 7, 16, 17, 31, 48, 63, 64, 65, 300};

Tensor drawn(Index rows, Index cols, std::uint64_t seed, float deviation = 1.0F)
{
    std::mt19937_64 random(seed);
    Tensor x(1, 1, rows, cols);
    fillNormal(x.values(), random, deviation);
    return x;
}

Tensor drawnTriangle(Index n, bool strict, float deviation)
{
    Tensor x = drawn(n, n, 7, deviation);
    for (Index r = 0; r < n; ++r)
        std::fill(x.matrix().row(r) + r + (strict ? 0 : 1), x.matrix().row(r) + n, 0.0F);
    return x;
}

Tensor poisoned(Index rows, Index cols)
{
    Tensor x(1, 1, rows, cols);
    std::fill(x.values().begin(), x.values().end(), kPoison);
    return x;
}

/// Of a dot product of `count` terms whose sizes sum up to `size`, summed in float32 in any order.
double bound(Index count, double size) { return static_cast<double>(count + 4) * 0x1p-24 * size + 1e-30; }

} // namespace

class TestTriangle : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void products()
    {
        for (const Index n : kSizes)
            for (const Index m : {1, 16, 40, 64, 100}) {
                const Tensor lower = drawnTriangle(n, false, 1.0F);
                const Tensor b = drawn(n, m, 8);
                Tensor made = poisoned(n, m);
                lowerTimes(lower.matrix(), b.matrix(), made.matrix(), 0.5F);
                for (int round = 0; round < 2; ++round) { // the second time added to the first, while rows are fetched
                    for (Index r = 0; r < n; ++r)
                        for (Index c = 0; c < m; ++c) {
                            double sum = 0.0;
                            double size = 0.0;
                            for (Index s = 0; s <= r; ++s) {
                                const double term = 0.5 * static_cast<double>(lower.matrix()(r, s)) * b.matrix()(s, c);
                                sum += term;
                                size += std::abs(term);
                            }
                            QVERIFY(std::abs(made.matrix()(r, c) - (round + 1) * sum) <= (round + 1) * bound(n, size));
                        }
                    FetchAhead::ofThread().add(b.matrix());
                    lowerTimes(lower.matrix(), b.matrix(), made.matrix(), 0.5F, Into::Add);
                    FetchAhead::ofThread().clear();
                }
            }
    }

    void grams()
    {
        for (const Index n : kSizes)
            for (const Index k : {1, 40, 64})
                for (const bool strict : {false, true}) {
                    const Tensor a = drawn(n, k, 9);
                    const Tensor b = drawn(n, k, 10);
                    Tensor made = poisoned(n, n);
                    lowerGemmNT(a.matrix(), b.matrix(), strict, made.matrix());
                    for (Index r = 0; r < n; ++r)
                        for (Index s = 0; s < n; ++s) {
                            double sum = 0.0;
                            double size = 0.0;
                            for (Index c = 0; c < k && s < r + (strict ? 0 : 1); ++c) {
                                const double term = static_cast<double>(a.matrix()(r, c)) * b.matrix()(s, c);
                                sum += term;
                                size += std::abs(term);
                            }
                            QVERIFY(std::abs(made.matrix()(r, s) - sum) <= bound(k, size));
                        }
                }
    }

    /// The residual of forward substitution is as small as that of the products it consists of.
    void systems()
    {
        for (const Index n : kSizes)
            for (const double sign : {1.0, -1.0}) {
                const Index m = 24;
                const Tensor lower = drawnTriangle(n, true, 0.3F / std::sqrt(static_cast<float>(n)));
                const Tensor given = drawn(n, m, 11);
                Tensor y(1, 1, n, m);
                std::copy(given.values().begin(), given.values().end(), y.values().begin());
                Tensor diagonal = poisoned(n, kSolveBlock);
                Tensor x = poisoned(n, m);
                invertDiagonal(lower.matrix(), sign, diagonal.matrix());
                solveUnitLower(lower.matrix(), sign, diagonal.matrix(), y.matrix(), x.matrix());
                for (Index r = 0; r < n; ++r)
                    for (Index c = 0; c < m; ++c) {
                        double sum = x.matrix()(r, c);
                        double size = std::abs(sum) + std::abs(static_cast<double>(given.matrix()(r, c)));
                        for (Index s = 0; s < r; ++s) {
                            const double term = static_cast<double>(lower.matrix()(r, s)) * x.matrix()(s, c);
                            sum += sign * term;
                            size += std::abs(term);
                        }
                        // The block's own inverse lets residuals of its other rows in: their sizes are those of this row's.
                        QVERIFY(std::abs(sum - given.matrix()(r, c)) <= 4.0 * bound(n, size + 1.0));
                    }
            }
    }
};

static const attnscope::tests::RegisterTest<TestTriangle> registered("test_triangle");

#include "test_triangle.moc"
