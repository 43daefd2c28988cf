// SPDX-License-Identifier: GPL-3.0-or-later
// The fused products of a mixer's chunk against plain float64 loops, with poisoned outputs, on every instruction set of the processor.
#include "core/compute/chunk_products.h"
#include "core/compute/simd_targets.h"
#include "core/compute/triangle.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();

struct Sizes {
    Index rows;
    Index dim;
    Index values;
};
const std::vector<Sizes> kSizes{{1, 1, 16},   {2, 3, 16},    {7, 40, 48},   {16, 64, 64},
                                {17, 33, 80}, {63, 64, 128}, {64, 128, 64}, {64, 61, 16}};

Tensor drawn(Index rows, Index cols, std::uint64_t seed, float deviation = 1.0F)
{
    std::mt19937_64 random(seed);
    Tensor x(1, 1, rows, cols);
    fillNormal(x.values(), random, deviation);
    return x;
}

Tensor poisoned(Index rows, Index cols)
{
    Tensor x(1, 1, rows, cols);
    std::fill(x.values().begin(), x.values().end(), kPoison);
    return x;
}

/// A sum of products in float64, and of their sizes.
struct Sum {
    double value = 0.0;
    double size = 0.0;
    Index terms = 0;

    void add(double x)
    {
        value += x;
        size += std::abs(x);
        ++terms;
    }
    /// Of that many terms in float32, in any order, each of some roundings of its own.
    bool isNear(double x) const { return std::abs(x - value) <= static_cast<double>(terms + 8) * 0x1p-24 * size + 1e-30; }
};

double dotOf(const Tensor& x, Index i, const Tensor& y, Index j)
{
    double sum = 0.0;
    for (Index c = 0; c < x.cols(); ++c)
        sum += static_cast<double>(x.matrix()(i, c)) * static_cast<double>(y.matrix()(j, c));
    return sum;
}

/// The same with all terms' sizes.
double sizeOf(const Tensor& x, Index i, const Tensor& y, Index j)
{
    double sum = 0.0;
    for (Index c = 0; c < x.cols(); ++c)
        sum += std::abs(static_cast<double>(x.matrix()(i, c)) * static_cast<double>(y.matrix()(j, c)));
    return sum;
}

/// One chunk's rows, and its keys as a panel.
struct Chunk {
    explicit Chunk(const Sizes& s)
        : x(drawn(s.rows, s.dim, 1)),
          y(drawn(s.rows, s.dim, 2, 0.1F)),
          z(drawn(s.rows, s.dim, 3, 0.1F)),
          state(drawn(s.dim, s.values, 4)),
          v(drawn(s.rows, s.values, 5)),
          u(drawn(s.rows, s.values, 6)),
          factors(static_cast<std::size_t>(s.rows)),
          yPanel(static_cast<std::size_t>(s.dim * kChunkTokens), kPoison),
          zPanel(yPanel)
    {
        for (std::size_t r = 0; r < factors.size(); ++r)
            factors[r] = 1.0F / static_cast<float>(r + 1);
        packChunk(y.matrix(), {}, yPanel.data());
        packChunk(z.matrix(), {}, zPanel.data());
    }

    ChunkRows rows() const { return {x.matrix(), factors.data()}; }

    Tensor x;
    Tensor y;
    Tensor z;
    Tensor state;
    Tensor v;
    Tensor u;
    std::vector<float> factors;
    std::vector<float> yPanel;
    std::vector<float> zPanel;
};

/// Calls check(sizes) on every instruction set.
template <class Check>
void onAllTargets(const Check& check)
{
    const auto use = [](int64_t target) {
        hwy::SetSupportedTargetsForTest(target);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    };
    const int64_t all = hwy::SupportedTargets();
    for (int64_t left = all; left != 0; left &= left - 1) {
        use(left & -left);
        for (const Sizes& s : kSizes)
            check(s);
        use(0);
    }
}

} // namespace

class TestChunkProducts : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void panels()
    {
        onAllTargets([](const Sizes& s) {
            const Chunk c(s);
            std::vector<float> scaled(c.yPanel.size(), kPoison);
            packChunk(c.y.matrix(), c.factors, scaled.data());
            for (Index p = 0; p < s.dim; ++p)
                for (Index r = 0; r < kChunkTokens; ++r) {
                    const auto at = static_cast<std::size_t>(p * kChunkTokens + r);
                    QCOMPARE(c.yPanel[at], r < s.rows ? c.y.matrix()(r, p) : 0.0F);
                    QCOMPARE(scaled[at], r < s.rows ? c.factors[static_cast<std::size_t>(r)] * c.y.matrix()(r, p) : 0.0F);
                }
        });
    }

    void triangles()
    {
        onAllTargets([](const Sizes& s) {
            const Chunk c(s);
            Tensor made = poisoned(kChunkTokens, kChunkTokens);
            lowerProduct(c.rows(), c.yPanel.data(), made.data());
            for (Index r = 0; r < s.rows; ++r) {
                const double f = c.factors[static_cast<std::size_t>(r)];
                for (Index t = 0; t < r; ++t) {
                    const Sum sum{f * dotOf(c.x, r, c.y, t), f * sizeOf(c.x, r, c.y, t), s.dim};
                    QVERIFY(sum.isNear(made.matrix()(r, t)));
                }
                QCOMPARE(made.matrix()(r, r), 0.0F);
            }
        });
    }

    void queriesRead()
    {
        onAllTargets([](const Sizes& s) {
            const Chunk c(s);
            for (const bool strict : {false, true})
                for (const Index first : {Index{0}, s.rows / 2})
                    for (const bool two : {false, true})
                        read(c, s, strict, first, two);
        });
    }

    void systemsAreSolved()
    {
        onAllTargets([](const Sizes& s) {
            const Chunk c(s);
            for (const bool free : {false, true})
                solve(c, s, free);
        });
    }

    void statesAdvance()
    {
        onAllTargets([](const Sizes& s) {
            const Chunk c(s);
            for (const bool shared : {false, true}) {
                std::vector<double> decays(static_cast<std::size_t>(shared ? s.dim : 1));
                for (std::size_t k = 0; k < decays.size(); ++k)
                    decays[k] = 0.5 + 0.25 / static_cast<double>(k + 1);
                ChunkWrites writes{{{c.yPanel.data(), c.v.matrix()}, {c.zPanel.data(), c.u.matrix()}}, decays, shared};
                std::vector<double> sums(c.state.values().begin(), c.state.values().end());
                Tensor rounded = poisoned(s.dim, s.values);
                advanceChunk(writes, sums, rounded.matrix());
                for (Index k = 0; k < s.dim; ++k)
                    for (Index d = 0; d < s.values; ++d) {
                        const double decay = decays[shared ? static_cast<std::size_t>(k) : 0];
                        const double share = shared ? decay : 1.0;
                        Sum sum;
                        sum.add(decay * static_cast<double>(c.state.matrix()(k, d)));
                        for (Index r = 0; r < s.rows; ++r) {
                            sum.add(share * static_cast<double>(c.y.matrix()(r, k)) * static_cast<double>(c.v.matrix()(r, d)));
                            sum.add(share * static_cast<double>(c.z.matrix()(r, k)) * static_cast<double>(c.u.matrix()(r, d)));
                        }
                        const double made = sums[static_cast<std::size_t>(k * s.values + d)];
                        QVERIFY(sum.isNear(made));
                        QCOMPARE(rounded.matrix()(k, d), static_cast<float>(made));
                    }
            }
        });
    }

private:
    static void read(const Chunk& c, const Sizes& s, bool strict, Index first, bool two)
    {
        const Index queries = s.rows - first;
        ChunkRead t{{c.x.matrix().rowRange(0, queries), c.factors.data()}, first, strict, c.state.matrix(), {}, nullptr, c.v.matrix()};
        t.keys[0] = {c.yPanel.data(), c.v.matrix()};
        if (two) {
            t.keys[1] = {c.zPanel.data(), c.u.matrix()};
            t.own = c.factors.data();
        }
        Tensor made = poisoned(queries, s.values);
        readChunk(t, made.matrix());
        for (Index i = 0; i < queries; ++i)
            for (Index d = 0; d < s.values; ++d) {
                const double f = c.factors[static_cast<std::size_t>(i)];
                Sum sum;
                for (Index k = 0; k < s.dim; ++k)
                    sum.add(f * static_cast<double>(c.x.matrix()(i, k)) * static_cast<double>(c.state.matrix()(k, d)));
                for (Index r = 0; r < first + i + (strict ? 0 : 1); ++r) {
                    sum.add(f * dotOf(c.x, i, c.y, r) * static_cast<double>(c.v.matrix()(r, d)));
                    sum.size += f * sizeOf(c.x, i, c.y, r) * std::abs(static_cast<double>(c.v.matrix()(r, d))) * static_cast<double>(s.dim);
                    if (two) {
                        sum.add(f * dotOf(c.x, i, c.z, r) * static_cast<double>(c.u.matrix()(r, d)));
                        sum.size +=
                            f * sizeOf(c.x, i, c.z, r) * std::abs(static_cast<double>(c.u.matrix()(r, d))) * static_cast<double>(s.dim);
                    }
                }
                if (two)
                    sum.add(f * static_cast<double>(c.v.matrix()(first + i, d)));
                QVERIFY(sum.isNear(made.matrix()(i, d)));
            }
    }

    /// (I + L) U = V - f a S, or (I - L) U = f a S + E V: the residual is what rounding leaves.
    static void solve(const Chunk& c, const Sizes& s, bool free)
    {
        Tensor lower = poisoned(kChunkTokens, kChunkTokens);
        Tensor other = poisoned(kChunkTokens, kChunkTokens);
        lowerProduct(c.rows(), c.yPanel.data(), lower.data());
        lowerProduct(c.rows(), c.zPanel.data(), other.data());
        Tensor diagonal = poisoned(s.rows, kSolveBlock);
        invertDiagonal({lower.data(), s.rows, s.rows, kChunkTokens}, free ? -1.0 : 1.0, diagonal.matrix());
        Tensor u = poisoned(s.rows, s.values);
        solveChunk(
            {c.rows(), c.state.matrix(), lower.data(), free ? other.data() : nullptr, std::as_const(diagonal).matrix(), c.v.matrix()},
            u.matrix());
        const double sign = free ? -1.0 : 1.0;
        for (Index d = 0; d < s.values; ++d) {
            std::vector<Sum> rests; // right sides less what earlier blocks give
            for (Index r = 0; r < s.rows; ++r) {
                const double f = c.factors[static_cast<std::size_t>(r)];
                Sum& rest = rests.emplace_back();
                for (Index k = 0; k < s.dim; ++k)
                    rest.add(-sign * f * static_cast<double>(c.x.matrix()(r, k)) * static_cast<double>(c.state.matrix()(k, d)));
                if (!free)
                    rest.add(static_cast<double>(c.v.matrix()(r, d)));
                for (Index t = 0; t < r && free; ++t)
                    rest.add(static_cast<double>(other.matrix()(r, t)) * static_cast<double>(c.v.matrix()(t, d)));
                for (Index t = 0; t < r / kSolveBlock * kSolveBlock; ++t)
                    rest.add(-sign * static_cast<double>(lower.matrix()(r, t)) * static_cast<double>(u.matrix()(t, d)));
            }
            for (Index r = 0; r < s.rows; ++r) {
                const Index first = r / kSolveBlock * kSolveBlock;
                Sum sum = rests[static_cast<std::size_t>(r)];
                for (Index t = first; t <= r; ++t) {
                    const double cell = t == r ? 1.0 : sign * static_cast<double>(lower.matrix()(r, t));
                    sum.value -= t == r ? 0.0 : cell * static_cast<double>(u.matrix()(t, d));
                    for (Index e = first; e <= t; ++e) // the block's inverse times the errors of its right sides
                        sum.size +=
                            std::abs(cell * static_cast<double>(diagonal.matrix()(t, e - first))) * rests[static_cast<std::size_t>(e)].size;
                }
                sum.terms += kSolveBlock;
                QVERIFY(sum.isNear(u.matrix()(r, d)));
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestChunkProducts> registered("test_chunk_products");

#include "test_chunk_products.moc"
