// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products against float64 sums, at sizes that divide nothing and strides wider than the rows.
#include "core/compute/dense.h"
#include "core/compute/few_rows.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <limits>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// A random matrix in a wider buffer: what lies between its rows must not matter.
struct Padded {
    std::vector<float> values;
    MatrixView<float> view;

    Padded(Index rows, Index cols, std::mt19937_64& random) : values(static_cast<std::size_t>(rows * (cols + 3)), 1e30F)
    {
        view = {values.data(), rows, cols, cols + 3};
        for (Index i = 0; i < rows; ++i)
            fillNormal(view.rowSpan(i), random);
    }
};

float at(MatrixView<const float> m, bool transposed, Index i, Index j) { return transposed ? m(j, i) : m(i, j); }

} // namespace

class TestGemm : public QObject {
    Q_OBJECT

private:
    /// max |C - truth| in units of eps * sum |a b|.
    static double error(MatrixView<const float> a, bool aT, MatrixView<const float> b, bool bT, MatrixView<const float> c, Index k,
                        float scale, double before)
    {
        double worst = 0.0;
        for (Index i = 0; i < c.rows; ++i)
            for (Index j = 0; j < c.cols; ++j) {
                double sum = before;
                double size = std::fabs(before);
                for (Index p = 0; p < k; ++p) {
                    const double term = static_cast<double>(at(a, aT, i, p)) * at(b, bT, p, j) * scale;
                    sum += term;
                    size += std::fabs(term);
                }
                worst = std::max(worst, std::fabs(c(i, j) - sum) / (size + 1e-30));
            }
        return worst / std::numeric_limits<float>::epsilon();
    }

private Q_SLOTS:
    /// As the whole products: every row count of its own, lengths that fill no vector, added or not.
    void fewRows()
    {
        std::mt19937_64 random(12);
        for (Index m = 1; m <= kFewRows; ++m)
            for (const Index k : {1, 15, 16, 17, 64, 130, 576, 1001}) {
                const Padded a(m, k, random);
                const Padded b(37, k, random);
                Padded c(m, 37, random);
                for (Index i = 0; i < m; ++i)
                    std::fill_n(c.view.row(i), 37, std::numeric_limits<float>::quiet_NaN());
                fewRowsNT(a.view, b.view, c.view, 0.3F);
                QVERIFY(error(a.view, false, b.view, true, c.view, k, 0.3F, 0.0) <= static_cast<double>(k) / 2.0 + 2.0);
                for (Index i = 0; i < m; ++i)
                    std::fill_n(c.view.row(i), 37, 2.0F);
                fewRowsNT(a.view, b.view, c.view, 0.3F, Into::Add);
                QVERIFY(error(a.view, false, b.view, true, c.view, k, 0.3F, 2.0) <= static_cast<double>(k) / 2.0 + 2.0);
            }
    }

    void equalsFloat64_data()
    {
        QTest::addColumn<int>("m");
        QTest::addColumn<int>("n");
        QTest::addColumn<int>("k");
        for (const auto& [m, n, k] : {std::array{1, 1, 1},
                                      {1, 64, 3},
                                      {2, 33, 64},
                                      {7, 5, 200},
                                      {8, 32, 16},
                                      {64, 128, 64},
                                      {13, 100, 193},
                                      {65, 31, 401},
                                      {100, 1, 7}})
            QTest::addRow("%d x %d x %d", m, n, k) << m << n << k;
    }
    void equalsFloat64()
    {
        QFETCH(int, m);
        QFETCH(int, n);
        QFETCH(int, k);
        std::mt19937_64 random(91);
        const Padded a(m, k, random);
        const Padded aT(k, m, random);
        const Padded b(k, n, random);
        const Padded bT(n, k, random);
        Padded c(m, n, random);
        // Sums of k terms: k roundings at most, in blocks far fewer.
        const double allowed = 2.0 + k;
        gemmNT(a.view, bT.view, c.view, 0.5F);
        QVERIFY(error(a.view, false, bT.view, true, c.view, k, 0.5F, 0.0) < allowed);
        gemmNN(a.view, b.view, c.view);
        QVERIFY(error(a.view, false, b.view, false, c.view, k, 1.0F, 0.0) < allowed);
        gemmTN(aT.view, b.view, c.view, -2.0F);
        QVERIFY(error(aT.view, true, b.view, false, c.view, k, -2.0F, 0.0) < allowed);
        for (Index i = 0; i < m; ++i)
            std::fill_n(c.view.row(i), n, 3.0F);
        gemmNN(a.view, b.view, c.view, 1.5F, Into::Add);
        QVERIFY(error(a.view, false, b.view, false, c.view, k, 1.5F, 3.0) < allowed);
        for (Index i = 0; i + 1 < m; ++i) // nothing was written beside C
            QCOMPARE(c.values[static_cast<std::size_t>(i * (n + 3) + n)], 1e30F);
    }

    void emptySumsAreZero()
    {
        std::mt19937_64 random(92);
        Padded c(3, 4, random);
        gemmNN({nullptr, 3, 0, 0}, {nullptr, 0, 4, 4}, c.view);
        for (Index i = 0; i < 3; ++i)
            for (Index j = 0; j < 4; ++j)
                QCOMPARE(c.view(i, j), 0.0F);
    }

    void parallelEqualsSerial()
    {
        std::mt19937_64 random(93);
        for (const auto& [m, n] : {std::pair{300, 70}, {70, 300}, {5, 9}}) {
            const Padded a(m, 50, random);
            const Padded b(n, 50, random);
            Padded one(m, n, random);
            Padded two(m, n, random);
            gemmNT(a.view, b.view, one.view, 0.3F);
            RunContext context;
            context.threads = 2;
            QVERIFY(parallelGemmNT(a.view, b.view, two.view, 0.3F, context));
            for (Index i = 0; i < m; ++i)
                for (Index j = 0; j < n; ++j)
                    QCOMPARE(two.view(i, j), one.view(i, j));
        }
    }
};

static const attnscope::tests::RegisterTest<TestGemm> registered("test_gemm");

#include "test_gemm.moc"
