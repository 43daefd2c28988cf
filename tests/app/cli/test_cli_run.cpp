// SPDX-License-Identifier: GPL-3.0-or-later
// `run` and `map`: what they write against float64 attention worked out here, and against each other.
#include "app/cli/cli_process.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>

using namespace attnscope;
using tests::Array;
using tests::CliFolder;

namespace {

/// Softmax attention of one head in float64: the map, row by row.
std::vector<double> attentionMap(const Inputs& in, HeadRef head, bool causal, double scale)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    std::vector<double> map(static_cast<std::size_t>(q.rows * k.rows), 0.0);
    for (Index i = 0; i < q.rows; ++i) {
        double* row = map.data() + i * k.rows;
        double sum = 0.0;
        for (Index j = 0; j < (causal ? i + 1 : k.rows); ++j) {
            double dot = 0.0;
            for (Index c = 0; c < q.cols; ++c)
                dot += static_cast<double>(q(i, c)) * k(j, c);
            sum += row[j] = std::exp(scale * dot);
        }
        for (Index j = 0; j < k.rows; ++j)
            row[j] /= sum;
    }
    return map;
}

double worstOutput(const Inputs& in, HeadRef head, bool causal, double scale, const float* output)
{
    const auto map = attentionMap(in, head, causal, scale);
    const auto v = in.vOf(head);
    double worst = 0.0;
    for (Index i = 0; i < in.q.rows(); ++i)
        for (Index c = 0; c < v.cols; ++c) {
            double expected = 0.0;
            for (Index j = 0; j < v.rows; ++j)
                expected += map[static_cast<std::size_t>(i * v.rows + j)] * v(j, c);
            worst = std::max(worst, std::abs(expected - output[i * v.cols + c]));
        }
    return worst;
}

} // namespace

class TestCliRun : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void softmaxEqualsFloat64_data()
    {
        QTest::addColumn<QString>("method");
        QTest::addColumn<bool>("causal");
        QTest::newRow("streaming") << "softmax" << false;
        QTest::newRow("streaming, causal") << "softmax" << true;
        QTest::newRow("reference") << "softmax-reference" << false;
        QTest::newRow("reference, causal") << "softmax-reference" << true;
    }
    void softmaxEqualsFloat64()
    {
        QFETCH(QString, method);
        QFETCH(bool, causal);
        const CliFolder folder;
        const auto data = tests::randomInputs({2, 3, 37, 37, 12, 7}, 11);
        tests::writeInputs(folder.file("in.safetensors"), data);
        QStringList arguments{"run", "--input", "in.safetensors", "--method", method, "--out", "o.npy"};
        if (causal)
            arguments << "--causal";
        const auto result = folder.run(arguments);
        QCOMPARE(result.code, 0);
        QVERIFY(result.err.isEmpty());
        const Array o = tests::readArray(folder.file("o.npy"));
        QCOMPARE(o.shape, (std::vector<Index>{2, 3, 37, 7}));
        for (Index b = 0; b < 2; ++b)
            for (Index h = 0; h < 3; ++h) {
                const float* output = o.values.data() + (b * 3 + h) * 37 * 7;
                QVERIFY(worstOutput(data.inputs(), {b, h}, causal, 1.0 / std::sqrt(12.0), output) < 5e-6);
            }
        QCOMPARE(folder.listing(), (QStringList{"in.safetensors", "o.npy"}));
    }

    void scaleAndHeadAreTaken()
    {
        const CliFolder folder;
        const auto data = tests::randomInputs({1, 3, 20, 20, 4, 5}, 12);
        tests::writeInputs(folder.file("in.safetensors"), data);
        QCOMPARE(folder.run({"run", "--input", "in.safetensors", "--method", "softmax", "--out", "all.npy"}).code, 0);
        QCOMPARE(tests::readArray(folder.file("all.npy")).shape, (std::vector<Index>{3, 20, 5}));
        QCOMPARE(
            folder.run({"run", "--input", "in.safetensors", "--head", "0:2", "--scale", "0.25", "--method", "softmax", "--out", "o.npy"})
                .code,
            0);
        const Array o = tests::readArray(folder.file("o.npy"));
        QCOMPARE(o.shape, (std::vector<Index>{20, 5}));
        QVERIFY(worstOutput(data.inputs(), {0, 2}, false, 0.25, o.values.data()) < 5e-6);
    }

    void groupedHeadsReadTheirKeys()
    {
        const CliFolder folder;
        const auto data = tests::randomInputs({1, 4, 16, 16, 8, 8}, 13, 1.0F, 2);
        tests::writeInputs(folder.file("in.safetensors"), data);
        QCOMPARE(folder.run({"run", "--input", "in.safetensors", "--head", "0:3", "--method", "softmax", "--out", "o.npy"}).code, 0);
        QVERIFY(worstOutput(data.inputs(), {0, 3}, false, 1.0 / std::sqrt(8.0), tests::readArray(folder.file("o.npy")).values.data()) <
                5e-6);
    }

    void namesAndLayoutAreTaken()
    {
        const CliFolder folder;
        const auto data = tests::randomInputs({1, 1, 9, 9, 4, 4}, 14);
        // One head as N, H, D: the same bytes as H, N, D.
        const std::vector<Index> shape{9, 1, 4};
        QVERIFY(writeSafetensors(folder.file("in.safetensors"),
                                 {{"a", shape, data.q.values()}, {"b", shape, data.k.values()}, {"c", shape, data.v.values()}})
                    .ok());
        const QStringList run{"run", "--input", "in.safetensors", "--q",     "a",     "--k",  "b",
                              "--v", "c",       "--method",       "softmax", "--out", "o.npy"};
        QCOMPARE(folder.run(run + QStringList{"--layout", "NHD"}).code, 0);
        const Array o = tests::readArray(folder.file("o.npy"));
        QCOMPARE(o.shape, (std::vector<Index>{1, 9, 4}));
        QVERIFY(worstOutput(data.inputs(), {0, 0}, false, 0.5, o.values.data()) < 5e-6);
        QCOMPARE(folder.run(run + QStringList{"--layout", "HND"}).code, 0);
        QCOMPARE(tests::readArray(folder.file("o.npy")).shape, (std::vector<Index>{9, 1, 4}));
    }

    void fileSaysCausalUnlessTold()
    {
        const CliFolder folder;
        const auto data = tests::randomInputs({1, 1, 12, 12, 4, 4}, 15);
        tests::writeInputs(folder.file("in.safetensors"), data, {{"causal", "true"}});
        const QStringList run{"run", "--input", "in.safetensors", "--head", "0", "--method", "softmax", "--out", "o.npy"};
        QCOMPARE(folder.run(run).code, 0);
        QVERIFY(worstOutput(data.inputs(), {}, true, 0.5, tests::readArray(folder.file("o.npy")).values.data()) < 5e-6);
        QCOMPARE(folder.run(run + QStringList{"--no-causal"}).code, 0);
        QVERIFY(worstOutput(data.inputs(), {}, false, 0.5, tests::readArray(folder.file("o.npy")).values.data()) < 5e-6);
    }

    void oneTokenWorks()
    {
        const CliFolder folder;
        const auto data = tests::randomInputs({1, 2, 1, 1, 4, 3}, 16);
        tests::writeInputs(folder.file("in.safetensors"), data);
        for (const char* method : {"softmax", "linear-elu", "window", "performer", "linformer", "topk", "uniform"}) {
            const auto result = folder.run({"run", "--input", "in.safetensors", "--layout", "HND", "--method", method, "--out", "o.npy"});
            QVERIFY2(result.code == 0, method + result.err);
            const Array o = tests::readArray(folder.file("o.npy"));
            QCOMPARE(o.shape, (std::vector<Index>{2, 1, 3}));
            if (QByteArray(method) != "linformer") // whose projection of one key is the mean of one: the same, up to its weight
                QVERIFY2(std::abs(o.values[4] - data.v.values()[4]) < 1e-5, method);
        }
    }

    void linformerTakesLoadedMatrices()
    {
        // E = F = identity: no compression, hence softmax itself.
        const CliFolder folder;
        const auto data = tests::randomInputs({1, 1, 10, 10, 4, 3}, 18);
        tests::writeInputs(folder.file("in.safetensors"), data);
        std::vector<float> identity(100, 0.0F);
        for (std::size_t i = 0; i < 10; ++i)
            identity[i * 11] = 1.0F;
        const std::vector<Index> square{10, 10};
        QVERIFY(writeNpy(folder.file("e.npy"), square, identity).ok());
        const QStringList run{"run",     "--input",           "in.safetensors", "--method", "linformer",
                              "--param", "projection=loaded", "--out",          "o.npy"};
        QCOMPARE(folder.run(run + QStringList{"--param", "e=e.npy"}).code, 0);
        QVERIFY(worstOutput(data.inputs(), {}, false, 0.5, tests::readArray(folder.file("o.npy")).values.data()) < 5e-6);
        const auto compared =
            folder.run({"compare", "--input", "in.safetensors", "--methods", "linformer:projection=loaded,e=e.npy", "--json"});
        QVERIFY2(compared.code == 0, compared.err);
        const auto missing = folder.run(run + QStringList{"--param", "e=nowhere.npy"});
        QCOMPARE(missing.code, 3);
        QVERIFY2(missing.oneSentence(), missing.err);
    }

    void seedDecidesRandomisedMethods()
    {
        const CliFolder folder;
        tests::writeInputs(folder.file("in.safetensors"), tests::randomInputs({1, 1, 30, 30, 8, 8}, 17));
        const QStringList run{"run", "--input", "in.safetensors", "--method", "performer", "--param", "features=16", "--out"};
        for (const char* seed : {"1", "2"})
            QCOMPARE(folder.run(run + QStringList{QString("s%1.npy").arg(seed), "--seed", seed}).code, 0);
        QCOMPARE(folder.run(run + QStringList{"again.npy", "--seed", "1"}).code, 0);
        QCOMPARE(folder.readBytes("again.npy"), folder.readBytes("s1.npy"));
        QVERIFY(folder.readBytes("s2.npy") != folder.readBytes("s1.npy"));
    }
};

static const attnscope::tests::RegisterTest<TestCliRun> registered("test_cli_run");

#include "test_cli_run.moc"
