// SPDX-License-Identifier: GPL-3.0-or-later
// The bfloat16 units against float64, on operands that bfloat16 holds exactly.
#include "core/base/half.h"
#include "core/compute/bf16_product.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

struct Operands {
    Operands(Index rows, Index depth, std::uint64_t seed)
        : a(static_cast<std::size_t>(rows * depth)), b(static_cast<std::size_t>(depth * kBf16Columns))
    {
        std::mt19937_64 random(seed);
        for (auto* values : {&a, &b}) {
            std::vector<float> drawn(values->size());
            fillNormal(drawn, random);
            std::transform(drawn.begin(), drawn.end(), values->begin(), bfloat16FromFloat);
        }
    }

    /// What the pairs of b hold: element (k, column).
    float bAt(Index k, Index column) const
    {
        return floatFromBfloat16(b[static_cast<std::size_t>((k / 2 * kBf16Columns + column) * 2 + k % 2)]);
    }

    std::vector<Bf16> a;
    std::vector<Bf16> b;
};

struct alignas(64) Line {
    std::byte bytes[64];
};

/// A copy that is aligned as the product wants it.
template <class T>
T* alignedCopy(std::vector<Line>& lines, const std::vector<T>& values)
{
    lines.resize((values.size() * sizeof(T) + 63) / 64);
    T* at = reinterpret_cast<T*>(lines.data());
    std::copy(values.begin(), values.end(), at);
    return at;
}

} // namespace

class TestBf16Product : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (bf16Unit() == Bf16Unit::None)
            QSKIP("this processor has neither AVX-512 BF16 nor AMX");
    }

    void equalsFloat64_data()
    {
        QTest::addColumn<int>("rows");
        QTest::addColumn<int>("depth");
        QTest::addColumn<bool>("add");
        QTest::newRow("one block") << 16 << 32 << false;
        QTest::newRow("odd number of blocks, added") << 48 << 96 << true;
        QTest::newRow("a tile") << 128 << 64 << false;
        QTest::newRow("a tile, added") << 128 << 128 << true;
    }
    void equalsFloat64()
    {
        QFETCH(const int, rows);
        QFETCH(const int, depth);
        QFETCH(const bool, add);
        const Operands x(rows, depth, 41);
        std::vector<Line> aLines, bLines, cLines;
        const std::vector<float> before(static_cast<std::size_t>(rows * kBf16Columns), add ? 3.0F : std::nanf(""));
        float* c = alignedCopy(cLines, before);
        Bf16Multiplier(bf16Unit()).multiply({rows, depth, alignedCopy(aLines, x.a), depth, alignedCopy(bLines, x.b), c, add});
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < kBf16Columns; ++j) {
                double sum = add ? 3.0 : 0.0;
                double size = std::abs(sum);
                for (Index k = 0; k < depth; ++k) {
                    const double term = static_cast<double>(floatFromBfloat16(x.a[static_cast<std::size_t>(i * depth + k)])) *
                                        static_cast<double>(x.bAt(k, j));
                    sum += term;
                    size += std::abs(term);
                }
                // One float32 rounding a term, and one where the unit rounds a pair's sum.
                const double tolerance = 2.0 * depth * 0x1p-24 * size;
                QVERIFY(std::abs(static_cast<double>(c[i * kBf16Columns + j]) - sum) <= tolerance);
            }
    }

    void eachUnitThatIsThereAgrees()
    {
        const Operands x(32, 64, 42);
        std::vector<Line> aLines, bLines, firstLines, secondLines;
        const std::vector<float> poison(32 * kBf16Columns, std::nanf(""));
        float* first = alignedCopy(firstLines, poison);
        float* second = alignedCopy(secondLines, poison);
        Bf16Product product{32, 64, alignedCopy(aLines, x.a), 64, alignedCopy(bLines, x.b), first, false};
        Bf16Multiplier(bf16Unit()).multiply(product);
        product.c = second;
        Bf16Multiplier(Bf16Unit::Avx512).multiply(product); // every processor with AMX has it too
        for (Index i = 0; i < 32 * kBf16Columns; ++i)
            QVERIFY(std::abs(first[i] - second[i]) <= 64 * 8 * 0x1p-23F);
    }

    void theLoopCountsItsOperations()
    {
        float sink = 0.0F;
        const double once = bf16Loop(bf16Unit(), 1, sink);
        QVERIFY(once > 0.0);
        QCOMPARE(bf16Loop(bf16Unit(), 7, sink), 7.0 * once);
    }
};

static const attnscope::tests::RegisterTest<TestBf16Product> registered("test_bf16_product");

#include "test_bf16_product.moc"
