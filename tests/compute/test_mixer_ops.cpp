// SPDX-License-Identifier: GPL-3.0-or-later
// The vectorised steps of recurrent mixers against plain float64 loops, at sizes that fill vectors and sizes that don't.
#include "core/compute/mixer_ops.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const std::vector<Index> kSizes{1, 2, 7, 8, 15, 16, 17, 31, 33, 64};

std::vector<float> drawn(Index count, std::uint64_t seed, float deviation = 1.0F)
{
    std::mt19937_64 random(seed);
    std::vector<float> x(static_cast<std::size_t>(count));
    fillNormal(x, random, deviation);
    return x;
}

} // namespace

class TestMixerOps : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void inverses()
    {
        for (const Index n : kSizes)
            for (const double sign : {1.0, -1.0}) {
                auto values = drawn(n * n, 3, 0.2F);
                const MatrixView<float> lower{values.data(), n, n, n};
                for (Index r = 0; r < n; ++r)
                    std::fill(lower.row(r) + r, lower.row(r) + n, 0.0F);
                std::vector<double> work(static_cast<std::size_t>(n * inverseStride(n)), 1e300); // what was there must not matter
                std::vector<float> made(values.size());
                const MatrixView<float> inverse{made.data(), n, n, n};
                invertUnitLower(lower, sign, work, inverse);
                for (Index r = 0; r < n; ++r)
                    for (Index c = 0; c < n; ++c) {
                        double sum = inverse(r, c);
                        double size = 1.0;
                        for (Index s = 0; s < n; ++s) {
                            sum += sign * static_cast<double>(lower(r, s)) * inverse(s, c);
                            size += std::abs(static_cast<double>(lower(r, s)) * inverse(s, c));
                        }
                        QVERIFY(std::abs(sum - (r == c ? 1.0 : 0.0)) < 3e-7 * size);
                    }
            }
    }

    void statesAdvance()
    {
        for (const Index n : kSizes) {
            const auto added = drawn(n, 5);
            std::vector<double> sums(added.size(), 0.25);
            std::vector<double> others = sums;
            std::vector<float> rounded(added.size());
            std::vector<float> through = added;
            advanceSums(sums, 0.5, added, rounded);
            advanceThrough(others, 0.5, through);
            QCOMPARE(sums, others); // whichever way a run takes
            for (std::size_t i = 0; i < sums.size(); ++i) {
                QCOMPARE(sums[i], 0.125 + static_cast<double>(added[i]));
                QCOMPARE(rounded[i], static_cast<float>(sums[i]));
                QCOMPARE(through[i], 0.25F);
            }
        }
    }

    void logsAndPowers()
    {
        for (const Index n : kSizes) {
            const auto g = drawn(n, 6);
            const std::vector<double> before(g.size(), -1.0);
            std::vector<double> after(g.size());
            std::vector<float> powers(g.size());
            addLogs(before, g, -0.5, after);
            powersOf(after, -1.0, powers);
            for (std::size_t i = 0; i < g.size(); ++i) {
                QCOMPARE(after[i], -1.0 + std::max(-0.5, static_cast<double>(g[i])));
                QVERIFY(std::abs(powers[i] / std::exp(-after[i]) - 1.0) < 5e-7);
            }
        }
    }

    void rowLengths()
    {
        for (const Index n : kSizes) {
            auto values = drawn(3 * n, 7, 1e-20F); // squares that float32 would lose
            const MatrixView<float> x{values.data(), 3, n, n};
            std::fill(x.row(1), x.row(1) + n, 0.0F);
            std::vector<double> squares(3);
            std::vector<float> made(values.size());
            rowSquares64(x, squares);
            unitRowsInto(x, {made.data(), 3, n, n});
            for (Index r = 0; r < 3; ++r) {
                double square = 0.0;
                for (const float v : x.rowSpan(r))
                    square += static_cast<double>(v) * static_cast<double>(v);
                QVERIFY(std::abs(squares[static_cast<std::size_t>(r)] - square) <= 1e-12 * square);
                for (Index c = 0; c < n; ++c)
                    QVERIFY(std::abs(made[static_cast<std::size_t>(r * n + c)] - (r == 1 ? 0.0 : x(r, c) / std::sqrt(square))) < 1e-6);
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestMixerOps> registered("test_mixer_ops");

#include "test_mixer_ops.moc"
