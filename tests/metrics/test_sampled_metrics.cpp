// SPDX-License-Identifier: GPL-3.0-or-later
// Samples of rows: estimates without bias, intervals that hold, the same rows for the same seed, all rows where all are drawn.
#include "core/metrics/metrics.h"
#include "core/metrics/row_sample.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <numeric>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// A value for every row: a slope, a wave and a few outliers, as the rows of a causal map have.
std::vector<double> population(Index rows)
{
    std::vector<double> y(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < y.size(); ++i)
        y[i] =
            3.0 * static_cast<double>(i) / static_cast<double>(rows) + std::sin(0.7 * static_cast<double>(i)) + (i % 53 == 5 ? 4.0 : 0.0);
    return y;
}

std::vector<double> drawn(const RowSample& sample, const std::vector<double>& y)
{
    std::vector<double> values;
    for (const Index row : sample.rows())
        values.push_back(y[static_cast<std::size_t>(row)]);
    return values;
}

double meanOf(const std::vector<double>& y) { return std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(y.size()); }

bool holds(const Interval& interval, double value) { return interval.low <= value && value <= interval.high; }

} // namespace

class TestSampledMetrics : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void twoDifferentRowsOfEachStratum()
    {
        for (const auto& [rows, pairs] : {std::pair<Index, Index>{100, 50}, {101, 7}, {100000, 335}, {2, 1}}) {
            const RowSample sample(rows, pairs, 3);
            QCOMPARE(sample.rows().size(), static_cast<std::size_t>(2 * pairs));
            for (Index s = 0; s < pairs; ++s) {
                const Index a = sample.rows()[static_cast<std::size_t>(2 * s)];
                const Index b = sample.rows()[static_cast<std::size_t>(2 * s + 1)];
                QVERIFY(a != b);
                for (const Index row : {a, b})
                    QVERIFY(row >= rows * s / pairs && row < rows * (s + 1) / pairs);
            }
        }
        const auto rowsOf = [](std::uint64_t seed) {
            const RowSample sample(1000, 20, seed);
            return std::vector<Index>(sample.rows().begin(), sample.rows().end());
        };
        QCOMPARE(rowsOf(1), rowsOf(1));
        QVERIFY(rowsOf(1) != rowsOf(2));
    }

    void meansAndVariancesAreUnbiased()
    {
        constexpr int trials = 20000;
        const auto y = population(101); // strata of 14 and 15 rows
        const double truth = meanOf(y);
        double sum = 0.0;
        double squares = 0.0;
        double claimed = 0.0; // variances that the intervals stand for
        int held = 0;
        for (int seed = 0; seed < trials; ++seed) {
            const RowSample sample(101, 7, static_cast<std::uint64_t>(seed));
            const Estimate estimate = sample.mean(drawn(sample, y));
            sum += estimate.value;
            squares += (estimate.value - truth) * (estimate.value - truth);
            const double error = (estimate.interval.high - estimate.interval.low) / (2.0 * 1.96);
            claimed += error * error;
            held += holds(estimate.interval, truth) ? 1 : 0;
        }
        const double variance = squares / trials;
        QVERIFY(std::abs(sum / trials - truth) < 5.0 * std::sqrt(variance / trials));
        QVERIFY(std::abs(claimed / trials / variance - 1.0) < 0.05);
        QVERIFY(held > 0.85 * trials); // seven pairs are few for a normal interval
    }

    void intervalsOfManyPairsHold()
    {
        constexpr int trials = 2000;
        const auto y = population(5000);
        std::vector<double> x(y.size());
        for (std::size_t i = 0; i < x.size(); ++i)
            x[i] = 2.0 + std::cos(0.3 * static_cast<double>(i));
        const double ratio = meanOf(y) / meanOf(x);
        int means = 0;
        int ratios = 0;
        for (int seed = 0; seed < trials; ++seed) {
            const RowSample sample(5000, 100, static_cast<std::uint64_t>(seed));
            means += holds(sample.mean(drawn(sample, y)).interval, meanOf(y)) ? 1 : 0;
            ratios += holds(sample.ratio(drawn(sample, y), drawn(sample, x)).interval, ratio) ? 1 : 0;
        }
        for (const int held : {means, ratios})
            QVERIFY2(held > 0.93 * trials && held < 0.97 * trials, qPrintable(QString::number(held)));
    }

    void allRowsDrawnIsTheWholeComparison_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::newRow("bidirectional") << false;
        QTest::newRow("causal") << true;
    }
    void allRowsDrawnIsTheWholeComparison()
    {
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 1, 60, 60, 16, 5}, 57);
        const auto in = data.inputs(causal);
        const auto exact = *findMethod("softmax-reference")->scores(in, {}, {}, {});
        const auto other = *findMethod("linear-elu")->scores(in, {}, {}, {});
        const Tensor output = *findMethod("linear-elu")->run(in, {}, {});
        const auto whole = compareMaps(*exact, *other, {});
        const auto outputs = compareOutputs(findMethod("softmax")->run(in, {}, {})->matrix(), output.matrix());
        const auto sampled = compareSampled(*exact, *other, in.vOf({}), output.matrix(), {30, 1}, {});
        QVERIFY(whole.ok() && outputs.ok() && sampled.ok());
        const MapMetrics& m = sampled->map;
        const auto near = [](double a, double b, double tolerance = 1e-12) {
            return std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b));
        };
        QVERIFY(near(m.relFrobenius, whole->relFrobenius) && near(m.totalVariation, whole->totalVariation));
        QVERIFY(near(m.kl.value(), whole->kl.value()) && near(m.entropyDifference, whole->entropyDifference));
        for (std::size_t s = 0; s < kRecallSizes.size(); ++s)
            QVERIFY(near(m.topkRecall[s], whole->topkRecall[s]));
        QCOMPARE(m.maxAbs, whole->maxAbs);
        QCOMPARE(m.maxAbsRow, whole->maxAbsRow);
        QCOMPARE(m.maxAbsCol, whole->maxAbsCol);
        QCOMPARE(m.rowSumDeviation, whole->rowSumDeviation);
        QVERIFY(near(sampled->output.relFrobenius, outputs->relFrobenius, 1e-5));
        QVERIFY(m.intervals && near(m.intervals->relFrobenius.low, m.intervals->relFrobenius.high)); // nothing is left to chance
        QVERIFY(!m.sampled() && !whole->sampled() && !whole->intervals);
    }

    void aSampleSaysSo()
    {
        const auto data = randomInputs({1, 1, 400, 400, 8, 4}, 58);
        const auto in = data.inputs(true);
        const auto exact = *findMethod("softmax-reference")->scores(in, {}, {}, {});
        const auto other = *findMethod("window")->scores(in, {}, paramsOf("window", {{"window", "5"}}), {});
        const auto whole = compareMaps(*exact, *other, {});
        RunContext one;
        one.threads = 1;
        const auto sampled = compareSampled(*exact, *other, {}, {}, {60, 4}, {});
        const auto again = compareSampled(*exact, *other, {}, {}, {60, 4}, one);
        QVERIFY(whole.ok() && sampled.ok() && again.ok());
        QVERIFY(sampled->map.sampled() && sampled->map.intervals);
        QCOMPARE(sampled->map.rowsRead, Index{120});
        QCOMPARE(static_cast<int>(sampled->map.provenance), static_cast<int>(Provenance::Sampled));
        QVERIFY(holds(sampled->map.intervals->totalVariation, whole->totalVariation));
        QVERIFY(holds(sampled->map.intervals->relFrobenius, whole->relFrobenius));
        QVERIFY(!sampled->map.kl && !sampled->map.intervals->kl);
        QVERIFY(sampled->map.klReason.find("where softmax has mass") != std::string::npos);
        QVERIFY(sampled->map.maxAbs <= whole->maxAbs);
        QCOMPARE(sampled->map.totalVariation, again->map.totalVariation);
        QCOMPARE(sampled->map.relFrobenius, again->map.relFrobenius);
        QVERIFY(!sampled->output.interval);
    }

    void refusesWhatCantBeSampled()
    {
        const auto data = randomInputs({1, 1, 20, 20, 8, 4}, 59);
        const auto map = *findMethod("softmax-reference")->scores(data.inputs(), {}, {}, {});
        const auto few = compareSampled(*map, *map, {}, {}, {11, 1}, {});
        QVERIFY(!few.ok() && few.error().code == Errc::InvalidShape);
        const Tensor wrong(1, 1, 7, 4);
        const auto sizes = compareSampled(*map, *map, data.inputs().vOf({}), wrong.matrix(), {4, 1}, {});
        QVERIFY(!sizes.ok() && sizes.error().code == Errc::InvalidShape);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto stopped = compareSampled(*map, *map, {}, {}, {4, 1}, context);
        QVERIFY(!stopped.ok() && stopped.error().code == Errc::Cancelled);
    }
};

static const attnscope::tests::RegisterTest<TestSampledMetrics> registered("test_sampled_metrics");

#include "test_sampled_metrics.moc"
