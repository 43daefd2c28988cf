// SPDX-License-Identifier: GPL-3.0-or-later
// Factors that are computed when they are read, against those that are kept: cells, masks, mean levels.
#include "core/engine/computed_factors.h"
#include "core/engine/kernel_source.h"
#include "core/scores/direct_pooling.h"
#include "core/scores/low_rank_source.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>
#include <cfloat>
#include <cmath>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// phi(x) = exp(x) as logarithms, or 1 + x² with a scale.
class SmallMap final : public FeatureMap {
public:
    explicit SmallMap(Index dim, bool logarithmic) : m_dim(dim), m_logarithmic(logarithmic) {}

    Index features() const override { return m_dim; }
    bool logarithmic() const override { return m_logarithmic; }
    void compute(Side, MatrixView<const float> x, const FeatureRows& out) const override
    {
        for (Index i = 0; i < x.rows; ++i) {
            out.logScale[static_cast<std::size_t>(i)] = m_logarithmic ? 0.0F : 0.5F;
            for (Index c = 0; c < x.cols; ++c)
                out.values(i, c) = m_logarithmic ? x(i, c) : 1.0F + x(i, c) * x(i, c);
        }
    }

private:
    Index m_dim;
    bool m_logarithmic;
};

} // namespace

class TestComputedFactors : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void meansOfUnequalRuns()
    {
        const Index n = 333; // the last run of 64 is short
        auto data = randomInputs({1, 1, n, n, 6, 4}, 73);
        for (Index i = 0; i < n; ++i)
            for (float& x : data.k.matrix().rowSpan(i))
                x += 8.0F * static_cast<float>(i / 64); // what covers a run alone lies e^8 above the one before
        const Inputs in = data.inputs(false);
        const auto denominators = std::make_shared<Denominators>(Denominators{std::vector<double>(n, 1e20), std::vector<float>(n, 0.0F)});
        const auto factors = computedFactors(in, std::make_shared<SmallMap>(6, true), denominators, {});
        QVERIFY(factors.has_value());
        const auto means = factors->right->means();
        QCOMPARE(means.rows, Index{6});
        for (Index c = 0; c < 6; ++c) {
            double top = in.kOf({})(0, c);
            for (Index j = 1; j < n; ++j)
                top = std::max<double>(top, in.kOf({})(j, c));
            for (Index run = 0; run < means.rows; ++run) {
                const Index last = std::min(n, 64 * (run + 1));
                double sum = 0.0;
                double furthest = 0.0;
                for (Index j = 64 * run; j < last; ++j) {
                    sum += std::exp(in.kOf({})(j, c) - top);
                    furthest = std::max(furthest, top - in.kOf({})(j, c));
                }
                const double expected = sum / static_cast<double>(last - 64 * run);
                // Two exponents and their rests are rounded, each exponential to a few units.
                QVERIFY(std::abs(means(run, c) - expected) <= (8.0 + 2.0 * furthest) * FLT_EPSILON * expected);
            }
        }
    }
    void equalKeptOnes_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::addColumn<bool>("logarithmic");
        for (const bool causal : {false, true})
            for (const bool logarithmic : {false, true})
                QTest::addRow("%s, %s", causal ? "causal" : "bidirectional", logarithmic ? "logarithms" : "scaled")
                    << causal << logarithmic;
    }
    void equalKeptOnes()
    {
        QFETCH(bool, causal);
        QFETCH(bool, logarithmic);
        const Index n = 333;
        const auto data = randomInputs({1, 1, n, n, 6, 4}, 71);
        const Inputs in = data.inputs(causal);
        const auto map = std::make_shared<SmallMap>(6, logarithmic);
        const auto kept = makeKernelSource(in, {}, *map, {});
        QVERIFY(kept.ok());
        const auto denominators = std::make_shared<Denominators>();
        for (Index i = 0; i < n; ++i) {
            double sum = 0.0;
            for (Index j = 0; j < (causal ? i + 1 : n); ++j)
                for (Index c = 0; c < 6; ++c) {
                    const double q = in.qOf({})(i, c);
                    const double k = in.kOf({})(j, c);
                    sum += logarithmic ? std::exp(q + k) : std::exp(1.0) * (1.0 + q * q) * (1.0 + k * k);
                }
            denominators->values.push_back(sum);
            denominators->logScale.push_back(0.0F);
        }
        auto factors = computedFactors(in, map, denominators, {});
        QVERIFY(factors.has_value());
        QCOMPARE(factors->left->means().rows, Index{6}); // runs of 64
        const auto source = makeLowRankSource(std::move(factors->left), std::move(factors->right), visibleKeys(in, 0), Provenance::Implied);
        QVERIFY(poolsDirectly(*source, Pool::Mean) && !poolsDirectly(*source, Pool::Max));
        QVERIFY(!factorsOf(*source)); // nothing is kept
        QVERIFY(maxDifference(readWhole(*source), readWhole(**kept)) < 1e-6);
        for (const int level : {1, 5, 6, 7, 9})
            QVERIFY2(maxDifference(readWhole(*source, level), readWhole(**kept, level)) < 1e-6, qPrintable(QString::number(level)));
        QVERIFY(maxDifference(readWhole(*source, 3, Pool::Max), readWhole(**kept, 3, Pool::Max)) < 1e-6);
    }

    void rowsThatDontFitAreRefused()
    {
        const auto data = randomInputs({1, 1, 80, 80, 6, 4}, 72);
        const auto denominators = std::make_shared<Denominators>();
        denominators->values.assign(80, 1e-30);
        denominators->logScale.assign(80, 0.0F);
        QVERIFY(!computedFactors(data.inputs(), std::make_shared<SmallMap>(6, true), denominators, {}));
    }

    void aMillionTokensNeedLittle()
    {
        QVERIFY(kernelSourceBytes(1000, 1000, 256) == 8.0 * 2000 * 256);
        QVERIFY(kernelSourceBytes(1000000, 1000000, 256) < 64e6);
    }
};

static const attnscope::tests::RegisterTest<TestComputedFactors> registered("test_computed_factors");

#include "test_computed_factors.moc"
