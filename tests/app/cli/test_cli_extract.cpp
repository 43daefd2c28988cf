// SPDX-License-Identifier: GPL-3.0-or-later
// `extract`: what it writes, what `run` then does with it, and models and texts that are not what they should be.
#include "app/cli/cli_process.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QTest>

#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>

using namespace attnscope;
using tests::CliFolder;

namespace {

const QString model = QStringLiteral(ATTNSCOPE_SOURCE_DIR "/tests/golden/model/llama");

/// A copy of the small Llama, to be spoiled.
void copyModel(const CliFolder& folder)
{
    QVERIFY(QDir(folder.path()).mkdir("model"));
    for (const auto& name : QDir(model).entryList(QDir::Files))
        if (name != "expected.safetensors")
            QVERIFY(QFile::copy(model + '/' + name, folder.path("model/" + name)));
}

nlohmann::json readJson(const CliFolder& folder, const QString& name)
{
    const QByteArray text = folder.readBytes(name);
    return nlohmann::json::parse(text.begin(), text.end());
}

using Spoil = std::function<void(const CliFolder&)>;

/// Changes one file of the model as JSON.
Spoil changed(const QString& name, const std::function<void(nlohmann::json&)>& change)
{
    return [name, change](const CliFolder& folder) {
        auto json = readJson(folder, "model/" + name);
        change(json);
        QVERIFY(QFile::setPermissions(folder.path("model/" + name), QFile::ReadOwner | QFile::WriteOwner));
        folder.writeBytes("model/" + name, QByteArray::fromStdString(json.dump()));
    };
}

} // namespace

Q_DECLARE_METATYPE(Spoil)

class TestCliExtract : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void writesEveryLayerAndHead()
    {
        const CliFolder folder;
        folder.writeBytes("text.txt", "The whale, the whale! A lone whale.");
        const auto result = folder.run({"extract", "--model", model, "--text", "text.txt", "--out", "qkv.safetensors"});
        QVERIFY2(result.code == 0, result.err);
        const auto file = SafetensorsFile::open(folder.file("qkv.safetensors"));
        QVERIFY(file.ok());
        const auto config = nlohmann::json::parse(std::ifstream((model + "/config.json").toStdString()));
        const auto layers = config["num_hidden_layers"].get<int>();
        const auto heads = config["num_attention_heads"].get<Index>();
        const auto kvHeads = config["num_key_value_heads"].get<Index>();
        const auto& metadata = (*file)->metadata();
        const auto tokens = nlohmann::json::parse(metadata.at("tokens"));
        const auto n = static_cast<Index>(tokens.size());
        QVERIFY(n > 3);
        QCOMPARE(metadata.at("causal"), std::string("true"));
        QVERIFY(std::stod(metadata.at("scale")) > 0.0);
        QCOMPARE((*file)->arrays().size(), static_cast<std::size_t>(3 * layers));
        for (int layer = 0; layer < layers; ++layer) {
            const auto* q = (*file)->find("layers." + std::to_string(layer) + ".q");
            const auto* k = (*file)->find("layers." + std::to_string(layer) + ".k");
            QVERIFY(q != nullptr && k != nullptr);
            QCOMPARE(q->shape[0], heads);
            QCOMPARE(q->shape[1], n);
            QCOMPARE(k->shape[0], kvHeads);
            QCOMPARE(k->shape[1], n);
        }
    }

    void someLayersFromStandardInput()
    {
        const CliFolder folder;
        const auto result =
            folder.run({"extract", "--model", model, "--text", "-", "--layers", "1", "--out", "qkv.safetensors"}, "Call me Ishmael.");
        QVERIFY2(result.code == 0, result.err);
        const auto file = SafetensorsFile::open(folder.file("qkv.safetensors"));
        QCOMPARE((*file)->arrays().size(), std::size_t{3});
        QVERIFY((*file)->find("layers.1.v") != nullptr);
        QCOMPARE(folder.listing(), (QStringList{"qkv.safetensors"}));
    }

    void runsOnWhatItWrote()
    {
        const CliFolder folder;
        QCOMPARE(folder.run({"extract", "--model", model, "--text", "-", "--out", "qkv.safetensors"}, "Call me Ishmael, said he.").code, 0);
        const auto result =
            folder.run({"map", "--input", "qkv.safetensors", "--layer", "1", "--head", "0:1", "--method", "softmax", "--out", "a.npy"});
        QVERIFY2(result.code == 0, result.err);
        const auto map = tests::readArray(folder.file("a.npy"));
        const Index n = map.shape.at(0);
        for (Index i = 0; i < n; ++i) {
            double sum = 0.0;
            for (Index j = 0; j < n; ++j)
                sum += map.values[static_cast<std::size_t>(i * n + j)];
            QVERIFY(std::abs(sum - 1.0) < 1e-5);
            if (i + 1 < n) // causal, as the file's metadata say
                QCOMPARE(map.values[static_cast<std::size_t>(i * n + n - 1)], 0.0F);
        }
    }

    void spoiltModelsAreRefused_data()
    {
        QTest::addColumn<QString>("named");
        QTest::addColumn<Spoil>("spoil");
        const auto removed = [](const QString& name) {
            return Spoil([name](const CliFolder& f) { QVERIFY(QFile::remove(f.path("model/" + name))); });
        };
        QTest::newRow("no config") << "config.json" << removed("config.json");
        QTest::newRow("no tokenizer") << "tokenizer.json" << removed("tokenizer.json");
        QTest::newRow("no weights") << "safetensors" << removed("model.safetensors.index.json");
        QTest::newRow("a shard is missing") << "model-00002-of-00003.safetensors" << removed("model-00002-of-00003.safetensors");
        QTest::newRow("unknown model type") << "perceptron"
                                            << changed("config.json", [](auto& json) { json["model_type"] = "perceptron"; });
        QTest::newRow("unknown tokenizer type")
            << "Runes" << changed("tokenizer.json", [](auto& json) { json["model"]["type"] = "Runes"; });
        QTest::newRow("config disagrees with the weights")
            << ""
            << changed("config.json", [](auto& json) { json["intermediate_size"] = json["intermediate_size"].template get<int>() + 1; });
        QTest::newRow("more layers than weights") << "" << changed("config.json", [](auto& json) { json["num_hidden_layers"] = 99; });
        QTest::newRow("config is no JSON") << "config.json" << Spoil([](const CliFolder& f) {
            QVERIFY(QFile::remove(f.path("model/config.json")));
            f.writeBytes("model/config.json", "{\"model_type\": ");
        });
        QTest::newRow("config of wrong types") << "" << changed("config.json", [](auto& json) { json["hidden_size"] = "wide"; });
        QTest::newRow("config of negative sizes") << "" << changed("config.json", [](auto& json) { json["num_attention_heads"] = -4; });
    }
    void spoiltModelsAreRefused()
    {
        QFETCH(QString, named);
        QFETCH(Spoil, spoil);
        const CliFolder folder;
        copyModel(folder);
        spoil(folder);
        const auto result = folder.run({"extract", "--model", "model", "--text", "-", "--out", "qkv.safetensors"}, "Call me Ishmael.");
        QVERIFY2(result.code == 3, QByteArray::number(result.code) + ' ' + result.err);
        QVERIFY2(result.oneSentence(), result.err);
        QVERIFY2(result.err.contains(named.toUtf8()), result.err);
        QCOMPARE(folder.listing(), (QStringList{"model"}));
    }

    void badTextsAreRefused_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("invalid UTF-8") << QByteArray("good \xC3\x28 bad");
        QTest::newRow("overlong UTF-8") << QByteArray("\xC0\xAF");
        QTest::newRow("half a surrogate") << QByteArray("\xED\xA0\x80");
        QTest::newRow("cut in a character") << QByteArray("caf\xC3");
    }
    void badTextsAreRefused()
    {
        QFETCH(QByteArray, text);
        const CliFolder folder;
        folder.writeBytes("text.txt", text);
        for (const char* from : {"text.txt", "-"}) {
            const auto result = folder.run({"extract", "--model", model, "--text", from, "--out", "qkv.safetensors"}, text);
            QVERIFY2(result.code == 3, QByteArray::number(result.code) + ' ' + result.err);
            QVERIFY2(result.oneSentence(), result.err);
            QCOMPARE(folder.listing(), (QStringList{"text.txt"}));
        }
    }

    void otherRefusals_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<int>("code");
        QTest::newRow("no such model") << QStringList{"--model", "nowhere", "--text", "-", "--out", "o.safetensors"} << 3;
        QTest::newRow("no such text") << QStringList{"--model", model, "--text", "nowhere.txt", "--out", "o.safetensors"} << 3;
        QTest::newRow("no such layer") << QStringList{"--model", model, "--text", "-", "--layers", "9", "--out", "o.safetensors"} << 2;
        QTest::newRow("layers of no form") << QStringList{"--model", model, "--text", "-", "--layers", "a", "--out", "o.safetensors"} << 2;
        QTest::newRow("no room") << QStringList{"--model", model, "--text", "-", "--memory-budget", "0.001", "--out", "o.safetensors"} << 4;
        QTest::newRow("unwritable") << QStringList{"--model", model, "--text", "-", "--out", "nowhere/o.safetensors"} << 1;
    }
    void otherRefusals()
    {
        QFETCH(QStringList, arguments);
        QFETCH(int, code);
        const CliFolder folder;
        const auto result = folder.run(QStringList{"extract"} + arguments, "Call me Ishmael.");
        QVERIFY2(result.code == code, QByteArray::number(result.code) + ' ' + result.err);
        QVERIFY2(result.oneSentence(), result.err);
        QVERIFY(folder.listing().isEmpty());
    }

    void diskFull()
    {
        const CliFolder folder;
        folder.writeBytes("text.txt", QByteArray("Call me Ishmael. ").repeated(10));
        const auto result = folder.runAfter("ulimit -f 4", {"extract", "--model", model, "--text", "text.txt", "--out", "o.safetensors"});
        QVERIFY2(result.code == 1, QByteArray::number(result.code) + ' ' + result.err);
        QVERIFY2(result.oneSentence(), result.err);
        QCOMPARE(folder.listing(), (QStringList{"text.txt"}));
    }
};

static const attnscope::tests::RegisterTest<TestCliExtract> registered("test_cli_extract");

#include "test_cli_extract.moc"
