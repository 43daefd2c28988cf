// SPDX-License-Identifier: GPL-3.0-or-later
// Row statistics against their definitions in float64, row by row.
#include "core/metrics/row_statistics.h"
#include "core/scores/softmax_source.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace attnscope;

namespace {

struct DefinedRow {
    double entropy = 0.0;
    double sumSquares = 0.0;
    std::vector<double> weights;
    std::vector<std::int32_t> byWeight; ///< all keys that have any, the heaviest first
};

DefinedRow define(const Inputs& inputs, HeadRef head, Index query)
{
    DefinedRow row;
    row.weights.resize(static_cast<std::size_t>(inputs.k.rows()));
    softmaxRow(inputs, head, query, row.weights);
    for (std::size_t j = 0; j < row.weights.size(); ++j) {
        const double p = row.weights[j];
        row.entropy -= p > 0.0 ? p * std::log(p) : 0.0;
        row.sumSquares += p * p;
        if (p > 0.0)
            row.byWeight.push_back(static_cast<std::int32_t>(j));
    }
    std::stable_sort(row.byWeight.begin(), row.byWeight.end(), [&](std::int32_t a, std::int32_t b) {
        return row.weights[static_cast<std::size_t>(a)] > row.weights[static_cast<std::size_t>(b)];
    });
    return row;
}

double definedLse(const Inputs& inputs, HeadRef head, Index query, double weight, Index key)
{
    double dot = 0.0;
    for (Index c = 0; c < inputs.q.cols(); ++c)
        dot += static_cast<double>(inputs.qOf(head)(query, c)) * static_cast<double>(inputs.kOf(head)(key, c));
    return inputs.effectiveScale() * dot - std::log(weight);
}

} // namespace

class TestRowStatistics : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreeWithTheirDefinitions_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<int>("window");
        QTest::addColumn<bool>("causal");
        for (const auto& [n, m] : {std::pair{1, 1}, {3, 3}, {17, 40}, {250, 333}})
            for (const bool causal : {false, true})
                for (const int window : {0, 11})
                    if (window == 0 || (n == m) == causal) // windows count from the query's own key
                        QTest::addRow("%d x %d window %d%s", n, m, window, causal ? " causal" : "") << n << m << window << causal;
    }

    void agreeWithTheirDefinitions()
    {
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(int, window);
        QFETCH(bool, causal);
        const auto data = tests::randomInputs({2, 4, queries, keys, 24, 7}, static_cast<std::uint64_t>(keys + window), 2.0F, 2);
        auto inputs = data.inputs(causal);
        inputs.window = window;
        const HeadRef head{1, 2};
        const auto made = computeRowStatistics(inputs, head, {});
        QVERIFY2(made.ok(), made.ok() ? "" : made.error().what.c_str());
        QCOMPARE(made->rows(), Index{queries});
        for (Index row = 0; row < queries; ++row)
            compareRow(*made, row, define(inputs, head, row), inputs, head);
    }

    void keepEqualWeightsInTheOrderOfKeys()
    {
        Tensor q(1, 1, 2, 4);
        Tensor k(1, 1, 20, 4);
        Tensor v(1, 1, 20, 4);
        for (Tensor* const tensor : {&q, &k, &v})
            std::fill(tensor->values().begin(), tensor->values().end(), 0.0F);
        const Inputs inputs{q.view(), k.view(), v.view(), false, 0.0F, nullptr};
        const auto made = computeRowStatistics(inputs, {}, {});
        QVERIFY(made.ok());
        for (std::int32_t i = 0; i < 8; ++i)
            QCOMPARE(made->topKeys[static_cast<std::size_t>(i)], i);
        const auto summary = summaryOf(*made);
        QVERIFY(std::abs(summary.entropy - std::log(20.0)) < 1e-6);
        QVERIFY(std::abs(1.0 / summary.sumSquares - 20.0) < 1e-4);
        QVERIFY(std::abs(summary.lse - std::log(20.0)) < 1e-6);
        QVERIFY(std::abs(summary.largest - 0.05) < 1e-7);
    }

    void canBeStopped()
    {
        const auto data = tests::randomInputs({1, 1, 3000, 3000, 16, 16}, 3);
        std::stop_source stop;
        RunContext context;
        context.stop = stop.get_token();
        context.progress = [&](double) { stop.request_stop(); };
        const auto made = computeRowStatistics(data.inputs(), {}, context);
        QVERIFY(!made.ok());
        QVERIFY(made.error().code == Errc::Cancelled);
    }

private:
    static void compareRow(const RowStatistics& made, Index row, const DefinedRow& defined, const Inputs& inputs, HeadRef head)
    {
        // Logits of 24 products summed in float32, each rounded to 2^-24 of numbers up to about 50: their error, and a weight's
        // relative one.
        constexpr double kLogit = 1e-4;
        const auto at = static_cast<std::size_t>(row);
        QVERIFY(std::abs(made.entropy[at] - defined.entropy) <= 2.0 * kLogit * (1.0 + defined.entropy));
        QVERIFY(std::abs(made.sumSquares[at] - defined.sumSquares) <= 4.0 * kLogit * defined.sumSquares);
        const auto heaviest = static_cast<std::size_t>(defined.byWeight.front());
        const double lse = definedLse(inputs, head, row, defined.weights[heaviest], static_cast<Index>(heaviest));
        QVERIFY(std::abs(made.lse[at] - lse) <= kLogit);
        for (std::size_t i = 0; i < static_cast<std::size_t>(kTopWeights); ++i) {
            const auto place = at * static_cast<std::size_t>(kTopWeights) + i;
            if (i >= defined.byWeight.size()) {
                QCOMPARE(made.topWeights[place], 0.0F);
                continue;
            }
            const double weight = defined.weights[static_cast<std::size_t>(defined.byWeight[i])];
            QVERIFY(std::abs(made.topWeights[place] - weight) <= 2.0 * kLogit * weight);
            QVERIFY(made.topKeys[place] >= 0);
            const double there = defined.weights[static_cast<std::size_t>(made.topKeys[place])];
            QVERIFY(std::abs(there - weight) <= 2.0 * kLogit * weight); // the same key, or one as heavy
        }
    }
};

static const attnscope::tests::RegisterTest<TestRowStatistics> registered("test_row_statistics");

#include "test_row_statistics.moc"
