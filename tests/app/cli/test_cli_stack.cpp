// SPDX-License-Identifier: GPL-3.0-or-later
// `stack`: the JSON document, tables and CSV of whole architectures, and what is refused.
#include "app/cli/cli_process.h"
#include "support/register_test.h"

#include <QTest>

#include <nlohmann/json.hpp>

using attnscope::tests::CliFolder;
using Json = nlohmann::ordered_json;

namespace {

std::vector<std::string> keysOf(const Json& object)
{
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items())
        keys.push_back(key);
    return keys;
}

const QByteArray tiny = R"({"model_type": "nemotron_h", "hybrid_override_pattern": "M-*-", "hidden_size": 64, "vocab_size": 100,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "mamba_num_heads": 8, "mamba_head_dim": 16, "ssm_state_size": 16,
    "n_groups": 1, "conv_kernel": 4, "intermediate_size": 128})";

} // namespace

class TestCliStack : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theDocumentIsAsPromised()
    {
        const CliFolder folder;
        folder.writeBytes(QStringLiteral("config.json"), tiny);
        const auto result = folder.run({"stack", "config.json", "llama-3.1-8b", "--lengths", "1024:4096", "--json"});
        QCOMPARE(result.code, 0);
        const Json document = Json::parse(result.out.toStdString());
        QCOMPARE(keysOf(document), (std::vector<std::string>{"architectures", "crossovers"}));
        QCOMPARE(document["architectures"].size(), std::size_t{2});
        const Json& a = document["architectures"][0];
        QCOMPARE(keysOf(a), (std::vector<std::string>{"name", "decidedBy", "layers", "attentionLayers", "kvBytesPerToken", "stateBytes",
                                                      "parameters", "curves"}));
        QCOMPARE(a["decidedBy"].get<std::string>(), std::string("hybrid_override_pattern"));
        QCOMPARE(a["layers"][2].dump(), std::string(R"({"index":2,"mixer":"full","ffn":"none","sharedWith":null})"));
        QCOMPARE(a["attentionLayers"].dump(), std::string("[2]"));
        QCOMPARE(a["kvBytesPerToken"].get<int>(), 2 * 2 * 16 * 2);
        QCOMPARE(a["stateBytes"].get<int>(), 8 * 16 * 16 * 4 + (128 + 2 * 16) * 3 * 2);
        QCOMPARE(keysOf(a["curves"][0]),
                 (std::vector<std::string>{"n", "prefillMs", "decodeMsPerToken", "kvBytes", "stateBytes", "weightBytes", "label"}));
        QCOMPARE(a["curves"].size(), std::size_t{3});
        QCOMPARE(a["curves"][2]["kvBytes"].get<int>(), 4096 * 128);
        QCOMPARE(a["curves"][2]["label"].get<std::string>(), std::string("stated"));
        QCOMPARE(document["architectures"][1]["kvBytesPerToken"].get<int>(), 131072);
        QCOMPARE(document["crossovers"].size(), std::size_t{2});
        QCOMPARE(document["crossovers"][0]["quantity"].get<std::string>(), std::string("prefill"));
    }

    void hybridsOvertake()
    {
        const CliFolder folder;
        const auto result = folder.run({"stack", "llama-3.1-8b", "nemotron-h-8b", "--card", "a100", "--json"});
        QCOMPARE(result.code, 0);
        const Json found = Json::parse(result.out.toStdString())["crossovers"];
        for (const auto& each : found) {
            QVERIFY(each["low"].get<double>() <= each["n"].get<double>() && each["n"].get<double>() <= each["high"].get<double>());
            QCOMPARE(each["fasterAfter"].get<std::string>(), std::string("nemotron-h-8b"));
        }
    }

    void textForPeople()
    {
        const CliFolder folder;
        const auto result = folder.run({"stack", "nemotron-h-8b", "--lengths", "4096"});
        QCOMPARE(result.code, 0);
        QVERIFY(result.out.contains("4 of 52 layers attend to everything; they hold 100 % of the KV cache."));
        QVERIFY(result.out.contains("hybrid_override_pattern") && result.out.contains("7, 18, 29, 40"));
        QVERIFY(result.out.contains("datasheet") && result.out.contains("97.4 MiB"));
        QVERIFY(folder.run({"stack", "qwen3-next-80b-a3b"}).out.contains("most of it is the mixture, not the mixer"));
    }

    void thisMachinesKernelsAreMeasuredOnce()
    {
        const CliFolder folder;
        qputenv("XDG_CACHE_HOME", folder.path("cache").toUtf8());
        const QStringList arguments{"stack", "gpt2", "--lengths", "512,1048576", "--card", "measured", "--threads", "1"};
        const auto measured = folder.run(arguments);
        QCOMPARE(measured.code, 0);
        QVERIFY(measured.out.contains("estimated") && measured.out.contains("extrapolated") && !measured.out.contains("stated"));
        const auto cache = folder.readBytes("cache/attnscope/kernels-1.json");
        QVERIFY(cache.contains("softmax step 64x64 group 1"));
        const auto again = folder.run(arguments);
        QCOMPARE(again.out, measured.out);
        QCOMPARE(folder.readBytes("cache/attnscope/kernels-1.json"), cache);
        const auto anew = folder.run(arguments + QStringList{"--remeasure"});
        QCOMPARE(anew.code, 0);
        QVERIFY(folder.readBytes("cache/attnscope/kernels-1.json") != cache);
        qunsetenv("XDG_CACHE_HOME");
    }

    void adviceAndHelp()
    {
        const CliFolder folder;
        const auto advice = folder.run({"stack", "llama-3.1-8b", "nemotron-h-8b", "--decide"});
        QCOMPARE(advice.code, 0);
        for (const char* use : {"Long documents", "Short prompts", "Exact weights", "Long sessions", "Small classifiers", "Hybrids"})
            QVERIFY2(advice.out.contains(use), use);
        const auto json = folder.run({"stack", "llama-3.1-8b", "nemotron-h-8b", "--decide", "--json"});
        const Json document = Json::parse(json.out.toStdString());
        QCOMPARE(document["decisions"].size(), std::size_t{6});
        QCOMPARE(document["decisions"][0]["favoured"].get<std::string>(), std::string("nemotron-h-8b"));
        const auto help = folder.run({"stack", "--explain"});
        QCOMPARE(help.code, 0);
        QVERIFY(help.out.contains("Worked example") && help.out.contains("does not fit"));
        QVERIFY(folder.run({"stack", "--help"}).out.contains("--explain"));
    }

    void conversationsAsCsv()
    {
        const CliFolder folder;
        const auto result = folder.run({"stack", "nemotron-h-8b", "--lengths", "4096,8192", "--scenario", "conversation", "--csv"});
        QCOMPARE(result.code, 0);
        const auto lines = result.out.split('\n');
        QCOMPARE(lines.size(), 6);
        QCOMPARE(lines[0], QByteArray("name,n,prefillMs,decodeMsPerToken,kvBytes,stateBytes,weightBytes,label"));
        QVERIFY(lines[1].startsWith("nemotron-h-8b,4096,") && lines[1].endsWith("stated; no prefix reuse"));
        QVERIFY(lines[4].startsWith("nemotron-h-8b,8192,") && lines[4].endsWith("stated; prefix reuse"));
    }

    void mistakesGetOneSentence_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<int>("code");
        QTest::newRow("no config") << QStringList{} << 2;
        QTest::newRow("missing file") << QStringList{"nowhere/config.json"} << 3;
        QTest::newRow("not JSON") << QStringList{"broken.json"} << 3;
        QTest::newRow("unknown layers") << QStringList{"unknown.json"} << 3;
        QTest::newRow("card") << QStringList{"gpt2", "--card", "abacus"} << 2;
        QTest::newRow("lengths") << QStringList{"gpt2", "--lengths", "long"} << 2;
        QTest::newRow("batch") << QStringList{"gpt2", "--batch", "0"} << 2;
        QTest::newRow("scenario") << QStringList{"gpt2", "--scenario", "poem"} << 2;
        QTest::newRow("two forms") << QStringList{"gpt2", "--json", "--csv"} << 2;
    }

    void mistakesGetOneSentence()
    {
        QFETCH(QStringList, arguments);
        QFETCH(int, code);
        const CliFolder folder;
        folder.writeBytes(QStringLiteral("broken.json"), "{\"model_type\": ");
        folder.writeBytes(QStringLiteral("unknown.json"),
                          R"({"hidden_size": 8, "num_hidden_layers": 1, "layer_types": ["telepathy"], "model_type": "novel"})");
        const auto result = folder.run(QStringList{"stack"} + arguments);
        QCOMPARE(result.code, code);
        QVERIFY2(result.oneSentence(), result.err.constData());
        QVERIFY(result.out.isEmpty());
    }
};

static const attnscope::tests::RegisterTest<TestCliStack> registered("test_cli_stack");

#include "test_cli_stack.moc"
