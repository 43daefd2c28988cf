// SPDX-License-Identifier: GPL-3.0-or-later
// `map`: blocks, levels and differences, against the whole map and against what `run` writes.
#include "app/cli/cli_process.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>
#include <cmath>

using namespace attnscope;
using tests::Array;
using tests::CliFolder;

class TestCliMap : public QObject {
    Q_OBJECT

private:
    static constexpr Index kLength = 45;

    CliFolder m_folder;
    tests::RandomInputs m_data = tests::randomInputs({1, 2, kLength, kLength, 8, 3}, 21);

    Array map(const QStringList& arguments) const
    {
        const auto result = m_folder.run(QStringList{"map", "--input", "in.safetensors", "--head", "0:1", "--out", "a.npy"} + arguments);
        if (result.code != 0)
            qWarning() << result.err;
        return result.code == 0 ? tests::readArray(m_folder.file("a.npy")) : Array{};
    }

private Q_SLOTS:
    void initTestCase() { tests::writeInputs(m_folder.file("in.safetensors"), m_data); }

    void timesValuesIsWhatRunWrites_data()
    {
        QTest::addColumn<QStringList>("method");
        QTest::newRow("softmax") << QStringList{"--method", "softmax"};
        QTest::newRow("softmax, causal") << QStringList{"--method", "softmax", "--causal"};
        QTest::newRow("linear-elu, causal") << QStringList{"--method", "linear-elu", "--causal"};
        QTest::newRow("performer") << QStringList{"--method", "performer", "--param", "features=32", "--seed", "3"};
        QTest::newRow("linformer") << QStringList{"--method", "linformer", "--param", "rank=8"};
        QTest::newRow("window, causal") << QStringList{"--method", "window", "--param", "window=4", "--param", "globals=1", "--causal"};
        QTest::newRow("topk") << QStringList{"--method", "topk", "--param", "k=5"};
        QTest::newRow("svd") << QStringList{"--method", "svd", "--param", "rank=3"};
        QTest::newRow("uniform") << QStringList{"--method", "uniform"};
    }
    void timesValuesIsWhatRunWrites()
    {
        QFETCH(QStringList, method);
        const Array a = map(method);
        QCOMPARE(a.shape, (std::vector<Index>{kLength, kLength}));
        const auto ran = m_folder.run(QStringList{"run", "--input", "in.safetensors", "--head", "0:1", "--out", "o.npy"} + method);
        QVERIFY2(ran.code == 0, ran.err);
        const Array o = tests::readArray(m_folder.file("o.npy"));
        const auto v = m_data.v.matrix({0, 1});
        double worst = 0.0;
        for (Index i = 0; i < kLength; ++i)
            for (Index c = 0; c < v.cols; ++c) {
                double sum = 0.0;
                for (Index j = 0; j < kLength; ++j)
                    sum += static_cast<double>(a.values[static_cast<std::size_t>(i * kLength + j)]) * v(j, c);
                worst = std::max(worst, std::abs(sum - o.values[static_cast<std::size_t>(i * v.cols + c)]));
            }
        QVERIFY2(worst < 2e-5, qPrintable(QString::number(worst)));
    }

    void blockIsPartOfTheWhole()
    {
        const Array whole = map({"--method", "softmax"});
        const Array block = map({"--method", "softmax", "--rows", "7:19", "--cols", "30:"});
        QCOMPARE(block.shape, (std::vector<Index>{12, 15}));
        for (Index i = 0; i < 12; ++i)
            for (Index j = 0; j < 15; ++j)
                QVERIFY(std::abs(block.values[static_cast<std::size_t>(i * 15 + j)] -
                                 whole.values[static_cast<std::size_t>((7 + i) * kLength + 30 + j)]) < 1e-7);
    }

    void levelsPool_data()
    {
        QTest::addColumn<QString>("pool");
        QTest::newRow("max") << "max";
        QTest::newRow("mean") << "mean";
        QTest::newRow("min") << "min";
    }
    void levelsPool()
    {
        QFETCH(QString, pool);
        const Array whole = map({"--method", "linear-elu"});
        const Array pooled = map({"--method", "linear-elu", "--level", "2", "--pool", pool});
        QCOMPARE(pooled.shape, (std::vector<Index>{12, 12})); // ceil(45 / 4)
        for (Index r = 0; r < 12; ++r)
            for (Index c = 0; c < 12; ++c) {
                std::vector<double> cells;
                for (Index i = 4 * r; i < std::min(kLength, 4 * r + 4); ++i)
                    for (Index j = 4 * c; j < std::min(kLength, 4 * c + 4); ++j)
                        cells.push_back(whole.values[static_cast<std::size_t>(i * kLength + j)]);
                double expected = *std::max_element(cells.begin(), cells.end());
                if (pool == "min")
                    expected = *std::min_element(cells.begin(), cells.end());
                if (pool == "mean")
                    expected = std::accumulate(cells.begin(), cells.end(), 0.0) / static_cast<double>(cells.size());
                QVERIFY(std::abs(expected - pooled.values[static_cast<std::size_t>(r * 12 + c)]) < 1e-6);
            }
    }

    void differenceIsApproximationMinusExact_data()
    {
        QTest::addColumn<QString>("metric");
        QTest::newRow("error") << "error";
        QTest::newRow("abs") << "abs";
        QTest::newRow("squared") << "squared";
        QTest::newRow("relative") << "relative";
    }
    void differenceIsApproximationMinusExact()
    {
        QFETCH(QString, metric);
        const Array a = map({"--method", "linear-elu"});
        const Array exact = map({"--method", "softmax"});
        const Array difference = map({"--method", "linear-elu", "--against", "softmax", "--metric", metric});
        QCOMPARE(difference.shape, a.shape);
        for (std::size_t i = 0; i < a.values.size(); ++i) {
            const double error = static_cast<double>(a.values[i]) - exact.values[i];
            double expected = error;
            if (metric == "abs")
                expected = std::abs(error);
            if (metric == "squared")
                expected = error * error;
            if (metric == "relative")
                expected = std::abs(error) / exact.values[i];
            QVERIFY(std::abs(expected - difference.values[i]) <= 1e-6 + 1e-5 * std::abs(expected));
        }
    }

    void againstTakesParameters()
    {
        const Array zero = map({"--method", "topk", "--param", "k=45", "--against", "window:window=64"});
        QCOMPARE(zero.shape, (std::vector<Index>{kLength, kLength}));
        for (const float x : zero.values)
            QVERIFY(std::abs(x) < 1e-6F); // both keep all keys
    }

    void badRangesAreUsageErrors_data()
    {
        QTest::addColumn<QString>("rows");
        QTest::newRow("outside") << "0:46";
        QTest::newRow("empty") << "5:5";
        QTest::newRow("backwards") << "9:2";
        QTest::newRow("words") << "a:b";
        QTest::newRow("one number") << "5";
    }
    void badRangesAreUsageErrors()
    {
        QFETCH(QString, rows);
        const auto before = m_folder.listing();
        const auto result = m_folder.run({"map", "--input", "in.safetensors", "--method", "softmax", "--rows", rows, "--out", "new.npy"});
        QCOMPARE(result.code, 2);
        QVERIFY2(result.oneSentence(), result.err);
        QCOMPARE(m_folder.listing(), before);
    }
};

static const attnscope::tests::RegisterTest<TestCliMap> registered("test_cli_map");

#include "test_cli_map.moc"
