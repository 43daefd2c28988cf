// SPDX-License-Identifier: GPL-3.0-or-later
// Bad input: one sentence, the right exit code, nothing crashes, nothing is left behind.
#include "app/cli/cli_process.h"
#include "app/cli/hostile_files.h"
#include "support/register_test.h"

#include <QTest>

#include <limits>

using namespace attnscope;
using tests::CliFolder;
using tests::npyBytes;
using tests::safetensorsBytes;

namespace {

/// q, k, v of the given widths and lengths in one safetensors file.
void writeShapes(const CliFolder& folder, std::vector<Index> q, std::vector<Index> k, std::vector<Index> v, float bad = 0.5F)
{
    const auto valuesOf = [](const std::vector<Index>& shape) {
        Index size = 1;
        for (const Index n : shape)
            size *= n;
        return std::vector<float>(static_cast<std::size_t>(size), 0.5F);
    };
    auto values = valuesOf(q);
    if (values.size() > 5)
        values[5] = bad;
    const auto keys = valuesOf(k);
    const auto vectors = valuesOf(v);
    if (!writeSafetensors(folder.file("in.bin"), {{"q", q, values}, {"k", k, keys}, {"v", v, vectors}}))
        qFatal("could not write");
}

QByteArray goodSafetensors()
{
    const QByteArray header = R"({"q":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]},)"
                              R"("k":{"dtype":"F32","shape":[4,2],"data_offsets":[32,64]},)"
                              R"("v":{"dtype":"F32","shape":[4,2],"data_offsets":[64,96]}})";
    return safetensorsBytes(header, QByteArray(96, '\0'));
}

using Make = std::function<void(const CliFolder&)>;

} // namespace

Q_DECLARE_METATYPE(Make)

class TestCliBadInput : public QObject {
    Q_OBJECT

private:
    static void addTensorCases()
    {
        const auto row = [](const char* name, const char* named, Make make) { QTest::newRow(name) << named << make; };
        row("q and k of different width", "width", [](const CliFolder& f) { writeShapes(f, {8, 4}, {8, 6}, {8, 4}); });
        row("v shorter than k", "rows", [](const CliFolder& f) { writeShapes(f, {8, 4}, {8, 4}, {7, 4}); });
        row("NaN", "NaN", [](const CliFolder& f) { writeShapes(f, {8, 4}, {8, 4}, {8, 4}, std::numeric_limits<float>::quiet_NaN()); });
        row("infinity", "[0, 0, 1, 1]", [](const CliFolder& f) {
            writeShapes(f, {8, 4}, {8, 4}, {8, 4}, std::numeric_limits<float>::infinity());
        });
        row("n = 0", "", [](const CliFolder& f) { writeShapes(f, {0, 4}, {0, 4}, {0, 4}); });
        row("five axes", "", [](const CliFolder& f) { writeShapes(f, {1, 1, 1, 8, 4}, {1, 1, 1, 8, 4}, {1, 1, 1, 8, 4}); });
        row("no k", "k", [](const CliFolder& f) {
            const std::vector<float> values(8, 0.5F);
            QVERIFY(writeSafetensors(f.file("in.bin"), {{"q", {4, 2}, values}, {"v", {4, 2}, values}}).ok());
        });
    }

    static void addFileCases()
    {
        const auto bytes = [](const char* name, const char* named, const QByteArray& content) {
            QTest::newRow(name) << named << Make([content](const CliFolder& f) { f.writeBytes("in.bin", content); });
        };
        QTest::newRow("missing file") << "in.bin" << Make([](const CliFolder&) {});
        QTest::newRow("folder") << "in.bin" << Make([](const CliFolder& f) { QVERIFY(QDir(f.path()).mkdir("in.bin")); });
        bytes("empty file", "empty", {});
        bytes("text", "", "four score and seven years ago");
        bytes("truncated safetensors", "in.bin", goodSafetensors().chopped(20));
        bytes("safetensors cut in its header", "in.bin", goodSafetensors().left(30));
        bytes("header longer than the file", "in.bin", tests::littleEndian<quint64>(5000) + "{}");
        bytes("header claims more than the file has", "in.bin",
              safetensorsBytes(R"({"q":{"dtype":"F32","shape":[1000000,2],"data_offsets":[0,8000000]}})", QByteArray(64, '\0')));
        bytes("overlapping tensors", "in.bin",
              safetensorsBytes(
                  R"({"q":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]},"k":{"dtype":"F32","shape":[4,2],"data_offsets":[16,48]}})",
                  QByteArray(48, '\0')));
        bytes("header is no JSON", "in.bin", safetensorsBytes("{\"q\": oh no}", {}));
        bytes("100 MB of JSON", "in.bin", safetensorsBytes(QByteArray("{\"a\":\"") + QByteArray(101'000'000, 'x') + "\"}", {}));
        bytes("object npy", "object", npyBytes("|O", "(3, 4, 2)", QByteArray(200, 'x')));
        bytes("npy of petabytes", "in.bin", npyBytes("<f4", "(3, 1000000000, 1000000)", QByteArray(64, '\0')));
        bytes("npy whose size overflows", "in.bin", npyBytes("<f4", "(3, 9223372036854775807, 9)", QByteArray(64, '\0')));
        bytes("npy of integers", "int32", npyBytes("<i4", "(3, 4, 2)", QByteArray(96, '\0')));
        bytes("npy with negative shape", "in.bin", npyBytes("<f4", "(3, -4, 2)", QByteArray(96, '\0')));
        bytes("npy that names code", "in.bin", npyBytes("<f4", "__import__('os')", QByteArray(96, '\0')));
        bytes("zip bomb", "in.bin",
              tests::zipBytes("q.npy", npyBytes("<f4", "(1, 1)", QByteArray(4, '\0')) + QByteArray(64'000'000, '\0')));
        bytes("zip of nothing useful", "", tests::zipBytes("hello.txt", "hello"));
        bytes("truncated zip", "in.bin", tests::zipBytes("q.npy", npyBytes("<f4", "(4, 2)", QByteArray(32, '\0'))).chopped(30));
    }

private Q_SLOTS:
    void refused_data()
    {
        QTest::addColumn<QString>("named");
        QTest::addColumn<Make>("make");
        addTensorCases();
        addFileCases();
    }
    void refused()
    {
        QFETCH(QString, named);
        QFETCH(Make, make);
        const CliFolder folder;
        make(folder);
        const auto before = folder.listing();
        for (const QStringList& command :
             {QStringList{"run", "--method", "softmax", "--out", "o.npy"}, QStringList{"map", "--method", "window", "--out", "o.npy"},
              QStringList{"compare", "--methods", "linear-elu", "--json"}}) {
            const auto result = folder.run(command + QStringList{"--input", "in.bin"});
            QVERIFY2(result.code == 3, QByteArray::number(result.code) + ' ' + result.err);
            QVERIFY2(result.oneSentence(), result.err);
            QVERIFY2(result.err.contains(named.toUtf8()), result.err);
            QVERIFY(result.out.isEmpty());
            QCOMPARE(folder.listing(), before);
        }
    }

    void headsThatDontDivide()
    {
        const CliFolder folder;
        writeShapes(folder, {3, 8, 4}, {2, 8, 4}, {2, 8, 4});
        const auto result = folder.run({"run", "--input", "in.bin", "--layout", "HND", "--method", "softmax", "--out", "o.npy"});
        QCOMPARE(result.code, 3);
        QVERIFY2(result.oneSentence() && result.err.contains("heads"), result.err);
        QCOMPARE(folder.listing(), (QStringList{"in.bin"}));
    }

    void countsAndLocatesNaN()
    {
        const CliFolder folder;
        writeShapes(folder, {8, 4}, {8, 4}, {8, 4}, std::numeric_limits<float>::quiet_NaN());
        const auto result = folder.run({"run", "--input", "in.bin", "--method", "softmax", "--out", "o.npy"});
        QVERIFY2(result.err.contains("1 value") && result.err.contains("[0, 0, 1, 1]"), result.err);
    }

    void budgetIsKept_data()
    {
        QTest::addColumn<QStringList>("command");
        QTest::newRow("run") << QStringList{"run", "--method", "svd", "--out", "o.npy"};
        QTest::newRow("map") << QStringList{"map", "--method", "svd", "--out", "o.npy"};
        QTest::newRow("compare") << QStringList{"compare", "--methods", "svd", "--json"};
    }
    void budgetIsKept()
    {
        QFETCH(QStringList, command);
        const CliFolder folder;
        tests::writeInputs(folder.file("in.safetensors"), tests::randomInputs({1, 1, 1024, 1024, 4, 4}, 51));
        const auto result = folder.run(command + QStringList{"--input", "in.safetensors", "--memory-budget", "1.5"});
        QVERIFY2(result.code == 4, QByteArray::number(result.code) + ' ' + result.err);
        QVERIFY2(result.oneSentence(), result.err);
        QVERIFY2(result.err.contains("MiB"), result.err);
        QVERIFY(result.out.isEmpty());
        QCOMPARE(folder.listing(), (QStringList{"in.safetensors"}));
    }

    void headsAndLayersThatAreNotThere_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::newRow("head") << QStringList{"--head", "0:2"};
        QTest::newRow("batch") << QStringList{"--head", "1:0"};
        QTest::newRow("layer") << QStringList{"--layer", "7"};
        QTest::newRow("array") << QStringList{"--q", "queries"};
    }
    void headsAndLayersThatAreNotThere()
    {
        QFETCH(QStringList, arguments);
        const CliFolder folder;
        tests::writeInputs(folder.file("in.safetensors"), tests::randomInputs({1, 2, 40, 40, 4, 4}, 52));
        const auto result =
            folder.run(QStringList{"run", "--input", "in.safetensors", "--method", "softmax", "--out", "o.npy"} + arguments);
        QCOMPARE(result.code, 3);
        QVERIFY2(result.oneSentence(), result.err);
        QCOMPARE(folder.listing(), (QStringList{"in.safetensors"}));
    }
};

static const attnscope::tests::RegisterTest<TestCliBadInput> registered("test_cli_bad_input");

#include "test_cli_bad_input.moc"
