// SPDX-License-Identifier: GPL-3.0-or-later
// The error metrics against brute force in float64, against identities, and on cases small enough for pencil and paper.
#include "core/metrics/metrics.h"
#include "core/metrics/top_keys.h"
#include "core/scores/dense_source.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <numeric>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

std::shared_ptr<const ScoreSource> sourceOf(std::initializer_list<std::initializer_list<float>> rows)
{
    Tensor map(1, 1, static_cast<Index>(rows.size()), static_cast<Index>(rows.begin()->size()));
    Index i = 0;
    for (const auto& row : rows)
        std::copy(row.begin(), row.end(), map.matrix().row(i++));
    return makeDenseSource(std::move(map));
}

std::shared_ptr<const ScoreSource> scoresOf(const char* id, const Inputs& in, const std::vector<ParamText>& given = {})
{
    return *findMethod(id)->scores(in, {}, paramsOf(id, given), {});
}

bool near(double a, double b, double tolerance = 1e-12) { return std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b)); }

/// The columns of a row, largest first, ties by index.
std::vector<Index> ranked(MatrixView<const float> map, Index row)
{
    std::vector<Index> order(static_cast<std::size_t>(map.cols));
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return map(row, a) > map(row, b); });
    return order;
}

double bruteRecall(MatrixView<const float> a, MatrixView<const float> b, Index k)
{
    double total = 0.0;
    for (Index i = 0; i < a.rows; ++i) {
        const auto x = ranked(a, i);
        const auto y = ranked(b, i);
        Index common = 0;
        for (Index s = 0; s < k; ++s)
            common += std::count(y.begin(), y.begin() + k, x[static_cast<std::size_t>(s)]);
        total += static_cast<double>(common) / static_cast<double>(k);
    }
    return total / static_cast<double>(a.rows);
}

double entropyOf(MatrixView<const float> map, Index row)
{
    double sum = 0.0;
    for (Index j = 0; j < map.cols; ++j)
        sum += std::max(0.0F, map(row, j));
    double entropy = 0.0;
    for (Index j = 0; j < map.cols; ++j)
        if (map(row, j) > 0.0F)
            entropy -= map(row, j) / sum * std::log(map(row, j) / sum);
    return entropy;
}

} // namespace

class TestMetrics : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void byHand()
    {
        const auto exact = sourceOf({{0.5F, 0.5F, 0.0F}, {0.25F, 0.25F, 0.5F}});
        const auto other = sourceOf({{0.25F, 0.75F, 0.0F}, {0.5F, 0.25F, 0.25F}});
        const auto m = compareMaps(*exact, *other, {});
        QVERIFY(m.ok());
        QVERIFY(near(m->relFrobenius, std::sqrt(0.25 / 0.875)));
        QCOMPARE(m->maxAbs, 0.25);
        QCOMPARE(m->maxAbsRow, Index{0}); // the first of equal ones
        QCOMPARE(m->maxAbsCol, Index{0});
        QCOMPARE(m->totalVariation, 0.25);
        QVERIFY(m->kl.has_value());
        QVERIFY(near(*m->kl, (0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3.0) + 0.25 * std::log(0.5) + 0.5 * std::log(2.0)) / 2.0));
        QCOMPARE(m->topkRecall[0], 0.0); // row 0: a tie that the earlier key wins, against key 1; row 1: key 2 against key 0
        QCOMPARE(m->topkRecall[1], 1.0); // k is cut at the three keys
        QCOMPARE(m->rowSumDeviation, 0.0);
        QCOMPARE(m->negativeMass, 0.0);
        const double quarter = -0.25 * std::log(0.25) - 0.75 * std::log(0.75);
        QVERIFY(near(m->entropyDifference, (quarter - std::log(2.0)) / 2.0)); // row 1 is a permutation
    }

    void signedAndUnnormalised()
    {
        const auto m = compareMaps(*sourceOf({{0.5F, 0.5F}, {1.0F, 0.0F}}), *sourceOf({{-0.25F, 0.75F}, {0.0F, 0.5F}}), {});
        QVERIFY(m.ok());
        QVERIFY(!m->kl.has_value());
        QCOMPARE(m->klReason, std::string("1 weight is negative and 1 weight is 0 where softmax has mass."));
        QCOMPARE(m->negativeMass, 0.125);
        QCOMPARE(m->rowSumDeviation, 0.5);
        QVERIFY(near(m->entropyDifference, -0.5 * std::log(2.0))); // one positive weight a row: no entropy
        QCOMPARE(m->maxAbs, 1.0);
        QCOMPARE(m->maxAbsRow, Index{1});
    }

    void identicalMapsDifferByNothing()
    {
        const auto data = randomInputs({1, 1, 150, 150, 16, 4}, 51);
        for (const bool causal : {false, true}) {
            const auto source = scoresOf("softmax-reference", data.inputs(causal));
            const auto m = compareMaps(*source, *source, {});
            QVERIFY(m.ok());
            QCOMPARE(m->relFrobenius, 0.0);
            QCOMPARE(m->maxAbs, 0.0);
            QCOMPARE(m->totalVariation, 0.0);
            QCOMPARE(m->kl.value_or(-1.0), 0.0);
            QCOMPARE(m->entropyDifference, 0.0);
            for (const double recall : m->topkRecall)
                QCOMPARE(recall, 1.0);
            QVERIFY(m->rowSumDeviation < 1e-5);
        }
    }

    void equalsBruteForce_data()
    {
        QTest::addColumn<QString>("method");
        QTest::addColumn<bool>("causal");
        for (const char* method : {"performer", "linear-elu", "uniform"})
            for (const bool causal : {false, true})
                QTest::addRow("%s %s", method, causal ? "causal" : "bidirectional") << method << causal;
    }
    void equalsBruteForce()
    {
        QFETCH(QString, method);
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 1, 211, 211, 16, 4}, 52);
        const auto in = data.inputs(causal);
        const auto exact = scoresOf("softmax-reference", in);
        const auto other = scoresOf(method.toStdString().c_str(), in);
        const auto m = compareMaps(*exact, *other, {});
        QVERIFY(m.ok());
        const Tensor a = readWhole(*exact);
        const Tensor b = readWhole(*other);
        double gap = 0.0, size = 0.0, variation = 0.0, kl = 0.0, entropy = 0.0, worst = 0.0;
        for (Index i = 0; i < 211; ++i) {
            for (Index j = 0; j < (causal ? i + 1 : 211); ++j) {
                const double x = a.matrix()(i, j);
                const double y = b.matrix()(i, j);
                gap += (x - y) * (x - y);
                size += x * x;
                variation += std::abs(x - y) / 2.0;
                kl += x * std::log(x / y);
                worst = std::max(worst, std::abs(x - y));
            }
            entropy += entropyOf(b.matrix(), i) - entropyOf(a.matrix(), i);
        }
        QVERIFY(near(m->relFrobenius, std::sqrt(gap / size), 1e-10));
        QVERIFY(near(m->totalVariation, variation / 211.0, 1e-10));
        QVERIFY(m->kl.has_value());
        QVERIFY(near(*m->kl, kl / 211.0, 1e-10));
        QVERIFY(near(m->entropyDifference, entropy / 211.0, 1e-6));
        QCOMPARE(m->maxAbs, worst);
        QCOMPARE(std::abs(static_cast<double>(a.matrix()(m->maxAbsRow, m->maxAbsCol)) - b.matrix()(m->maxAbsRow, m->maxAbsCol)), worst);
        QCOMPARE(static_cast<int>(m->provenance), static_cast<int>(Provenance::Implied));
        if (!causal) // there k is the same for every row
            for (std::size_t s = 0; s < kRecallSizes.size(); ++s)
                QVERIFY(near(m->topkRecall[s], bruteRecall(a.matrix(), b.matrix(), kRecallSizes[s])));
    }

    void totalVariationOfAWindowIsItsLostMass()
    {
        const auto data = randomInputs({1, 1, 180, 180, 16, 4}, 53);
        for (const bool causal : {false, true}) {
            const auto in = data.inputs(causal);
            const auto other = scoresOf("window", in, {{"window", "9"}});
            const auto m = compareMaps(*scoresOf("softmax-reference", in), *other, {});
            QVERIFY(m.ok());
            QVERIFY(near(m->totalVariation, lostMass(readWhole(*other), exactMap(in, {})), 1e-6));
            QVERIFY(!m->kl.has_value());
            QVERIFY(m->klReason.find("weights are 0 where softmax has mass") != std::string::npos);
        }
    }

    void topkOracleRecallsItsOwn()
    {
        const auto data = randomInputs({1, 1, 120, 120, 16, 4}, 54);
        const auto in = data.inputs(true);
        const auto m = compareMaps(*scoresOf("softmax-reference", in), *scoresOf("topk", in, {{"k", "8"}}), {});
        QVERIFY(m.ok());
        QCOMPARE(m->topkRecall[0], 1.0);
        QCOMPARE(m->topkRecall[1], 1.0);
    }

    void oneToken()
    {
        const auto m = compareMaps(*sourceOf({{1.0F}}), *sourceOf({{1.0F}}), {});
        QVERIFY(m.ok());
        QCOMPARE(m->relFrobenius, 0.0);
        QCOMPARE(m->kl.value_or(-1.0), 0.0);
        for (const double recall : m->topkRecall)
            QCOMPARE(recall, 1.0);
    }

    void threadsDoNotShow()
    {
        const auto data = randomInputs({1, 1, 700, 700, 8, 4}, 55);
        const auto exact = scoresOf("softmax-reference", data.inputs());
        const auto other = scoresOf("linear-elu", data.inputs());
        RunContext one;
        one.threads = 1;
        RunContext four;
        four.threads = 4;
        const auto a = compareMaps(*exact, *other, one);
        const auto b = compareMaps(*exact, *other, four);
        QVERIFY(a.ok() && b.ok());
        QCOMPARE(a->relFrobenius, b->relFrobenius);
        QCOMPARE(a->totalVariation, b->totalVariation);
        QCOMPARE(*a->kl, *b->kl);
        QCOMPARE(a->maxAbsRow, b->maxAbsRow);
    }

    void refusesDifferentSizesAndStops()
    {
        const auto exact = sourceOf({{0.5F, 0.5F}});
        const auto wrong = compareMaps(*exact, *sourceOf({{1.0F}}), {});
        QVERIFY(!wrong.ok());
        QCOMPARE(wrong.error().code, Errc::InvalidShape);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto stopped = compareMaps(*exact, *exact, context);
        QVERIFY(!stopped.ok());
        QCOMPARE(stopped.error().code, Errc::Cancelled);
    }

    void outputs()
    {
        const float a[] = {3.0F, 4.0F};
        const float b[] = {3.0F, 3.5F};
        const auto m = compareOutputs({a, 1, 2, 2}, {b, 1, 2, 2});
        QVERIFY(m.ok());
        QVERIFY(near(m->relFrobenius, 0.1));
        QCOMPARE(m->maxAbs, 0.5);
        QVERIFY(!compareOutputs({a, 1, 2, 2}, {b, 2, 1, 1}).ok());
    }

    void topKeysOfLongRows()
    {
        std::mt19937_64 random(56);
        std::uniform_int_distribution<int> coarse(0, 40); // many ties
        for (const std::size_t width : {1UL, 7UL, 64UL, 65UL, 128UL, 129UL, 5000UL}) {
            Tensor row(1, 1, 1, static_cast<Index>(width));
            std::generate(row.values().begin(), row.values().end(), [&] { return static_cast<float>(coarse(random)); });
            TopKeys top(64);
            const auto selected = top.select(row.values());
            const auto expected = ranked(row.matrix(), 0);
            QCOMPARE(selected.size(), std::min<std::size_t>(64, width));
            QVERIFY(std::equal(selected.begin(), selected.end(), expected.begin()));
        }
    }
};

static const attnscope::tests::RegisterTest<TestMetrics> registered("test_metrics");

#include "test_metrics.moc"
