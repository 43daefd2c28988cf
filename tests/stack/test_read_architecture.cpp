// SPDX-License-Identifier: GPL-3.0-or-later
// Parser of whole architectures: the traps of real files, both vocabularies, and what is refused with which sentence.
#include "core/stack/read_architecture.h"
#include "core/stack/stack_memory.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

#include <QFile>
#include <QTemporaryDir>

using namespace attnscope;
using attnscope::tests::architectureData;
using attnscope::tests::architectureOf;
using attnscope::tests::parsedConfig;
using Json = nlohmann::json;

namespace {

Json changed(const std::string& id, const char* patch)
{
    Json config = architectureData(id)["config"];
    config.merge_patch(Json::parse(patch));
    return config;
}

std::vector<std::string> mixersOf(const Architecture& a)
{
    std::vector<std::string> names;
    for (const auto& layer : a.layers)
        names.push_back(mixerName(layer));
    return names;
}

} // namespace

class TestReadArchitecture : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void bothVocabulariesMeanTheSame()
    {
        Json renamed = architectureData("granite-4.0-h-micro")["config"];
        for (auto& word : renamed["layer_types"])
            word = word == "mamba" ? "linear_attention" : "full_attention";
        const auto parsed = parsedConfig(renamed);
        QVERIFY(parsed.ok());
        QCOMPARE(mixersOf(*parsed), mixersOf(architectureOf("granite-4.0-h-micro")));
        const auto old = parsedConfig(changed("zamba2-1.2b", R"({"num_hidden_layers": 3, "layers_block_type": ["m", "g", "m"]})"));
        QVERIFY(old.ok());
        QCOMPARE(mixersOf(*old), (std::vector<std::string>{"mamba2", "full+mamba2", "mamba2"}));
    }

    void zambasOlderSpellingMeansTheSame()
    {
        Json old = architectureData("zamba2-7b")["config"];
        for (const char* key :
             {"intermediate_size", "attention_head_dim", "mamba_d_state", "mamba_d_conv", "mamba_expand", "n_mamba_heads"})
            old.erase(key);
        old.merge_patch(Json::parse(R"({"ffn_hidden_size": 14336, "kv_channels": 112, "state_size": 64, "conv_dimension": 4,
                                        "expansion_factor": 2, "gated_linear_unit": true, "num_query_groups": 32})"));
        const auto parsed = parsedConfig(old);
        QVERIFY(parsed.ok());
        QCOMPARE(parsed->layers, architectureOf("zamba2-7b").layers);
    }

    void anExplicitListWinsOverAnInterval()
    {
        const auto parsed = parsedConfig(
            changed("qwen3-next-80b-a3b", R"({"num_hidden_layers": 2, "layer_types": ["full_attention", "linear_attention"]})"));
        QVERIFY(parsed.ok());
        QCOMPARE(parsed->decidedBy, std::string("layer_types"));
        QCOMPARE(mixersOf(*parsed), (std::vector<std::string>{"full", "gated-deltanet"}));
        const auto byDefault = parsedConfig(changed("qwen3-next-80b-a3b", R"({"full_attention_interval": null})"));
        QVERIFY(byDefault.ok());
        QCOMPARE(byDefault->decidedBy, std::string("full_attention_interval (default 4)"));
        QCOMPARE(attentionLayers(*byDefault).front(), Index{3});
    }

    void aListMaySayWhichLayersAreMixtures()
    {
        const auto parsed = parsedConfig(changed("kimi-linear-48b-a3b", R"({"num_hidden_layers": 2, "first_k_dense_replace": 2,
            "layer_types": ["linear_attention", "deepseek_sparse_attention"], "mlp_layer_types": ["dense", "sparse"]})"));
        QVERIFY(parsed.ok());
        QCOMPARE(mixersOf(*parsed), (std::vector<std::string>{"kda", "full"}));
        QCOMPARE(ffnName(parsed->layers[0]), std::string("dense(9216)"));
        QCOMPARE(ffnName(parsed->layers[1]), std::string("moe(256, 8 active)"));
    }

    void nemotronsPatternWinsOverItsCountAndExpand()
    {
        const auto parsed = parsedConfig(changed("nemotron-nano-9b-v2", R"({"num_hidden_layers": 99, "hybrid_override_pattern": "M-|*E",
                                                           "n_routed_experts": 8, "num_experts_per_tok": 2})"));
        QVERIFY(parsed.ok());
        QCOMPARE(parsed->layers.size(), std::size_t{4});
        QCOMPARE(parsed->layers[0].recurrent->heads * parsed->layers[0].recurrent->valueDim, Index{10240});
        QCOMPARE(ffnName(parsed->layers[0]), std::string("none"));
        QCOMPARE(mixerName(parsed->layers[1]), std::string("none"));
        QCOMPARE(ffnName(parsed->layers[3]), std::string("moe(8, 2 active)"));
        QVERIFY(!parsed->layers[1].ffn.gated);
    }

    void kimisLayersMayCountFromZeroOrOne()
    {
        const char* fromZero = R"({"num_hidden_layers": 3, "linear_attn_config": {"full_attn_layers": [2], "kda_layers": [0, 1]}})";
        const char* fromOne = R"({"num_hidden_layers": 3, "linear_attn_config": {"full_attn_layers": [3], "kda_layers": [1, 2]}})";
        for (const char* patch : {fromZero, fromOne}) {
            const auto parsed = parsedConfig(changed("kimi-linear-48b-a3b", patch));
            QVERIFY(parsed.ok());
            QCOMPARE(attentionLayers(*parsed), std::vector<Index>{2});
        }
        const auto neither = parsedConfig(changed(
            "kimi-linear-48b-a3b", R"({"num_hidden_layers": 3, "linear_attn_config": {"full_attn_layers": [3], "kda_layers": [0, 1]}})"));
        QVERIFY(!neither.ok());
        QVERIFY(neither.error().what.find("full_attn_layers") != std::string::npos);
    }

    void theLanguagePartOfAModelIsUnwrapped()
    {
        const auto parsed = parsedConfig({{"model_type", "qwen_vl"}, {"text_config", architectureData("qwen3-8b")["config"]}});
        QVERIFY(parsed.ok());
        QCOMPARE(parsed->layers.size(), std::size_t{36});
    }

    void anUnknownTypeIsSaidToBe()
    {
        const auto parsed = parsedConfig(changed("llama-3.1-8b", R"({"model_type": "novel"})"));
        QVERIFY(parsed.ok());
        QCOMPARE(parsed->decidedBy, std::string("model_type (not known: taken as attention everywhere)"));
        QCOMPARE(attentionLayers(*parsed).size(), std::size_t{32});
    }

    void otherFamilies()
    {
        const auto lfm = parsedConfig({{"model_type", "lfm2"},
                                       {"hidden_size", 1024},
                                       {"intermediate_size", 4096},
                                       {"num_hidden_layers", 2},
                                       {"layer_types", {"conv", "full_attention"}},
                                       {"conv_L_cache", 3},
                                       {"num_attention_heads", 16},
                                       {"num_key_value_heads", 8}});
        QVERIFY(lfm.ok());
        QCOMPARE(mixersOf(*lfm), (std::vector<std::string>{"conv", "full"}));
        QCOMPARE(stateBytes(*lfm), 1024.0 * 2 * 2);
        const auto gemma = parsedConfig(changed("llama-3.1-8b", R"({"model_type": "gemma2", "sliding_window": 4096})"));
        QVERIFY(gemma.ok());
        QCOMPARE(mixerName(gemma->layers[0]), std::string("sliding(4096)"));
        QCOMPARE(mixerName(gemma->layers[1]), std::string("full"));
        const auto own = parsedConfig({{"d_model", 2048},
                                       {"n_layer", 2},
                                       {"vocab_size", 1000},
                                       {"d_intermediate", 0},
                                       {"ssm_cfg", {{"layer", "Mamba2"}}},
                                       {"attn_layer_idx", {1}},
                                       {"attn_cfg", {{"num_heads", 16}, {"head_dim", 128}}}});
        QVERIFY(own.ok());
        QCOMPARE(mixersOf(*own), (std::vector<std::string>{"mamba2", "full"}));
        const auto rwkv = parsedConfig({{"model_type", "rwkv7"}, {"hidden_size", 1024}, {"num_hidden_layers", 4}, {"vocab_size", 65536}});
        QVERIFY(rwkv.ok());
        QCOMPARE(stateBytes(*rwkv), 4.0 * (16 * 64 * 64 * 4 + 2 * 1024 * 2));
    }

    void hostileConfigsAreRefusedWithTheirKey_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("names");
        const auto patched = [](const char* id, const char* patch) { return QByteArray::fromStdString(changed(id, patch).dump()); };
        QTest::newRow("not JSON") << QByteArray("{") << "JSON";
        QTest::newRow("a list") << QByteArray("[1]") << "JSON";
        QTest::newRow("empty") << QByteArray("") << "JSON";
        QTest::newRow("deep") << QByteArray(100'000, '[') << "JSON";
        QTest::newRow("nothing known") << QByteArray("{}") << "hidden_size";
        QTest::newRow("no model type") << QByteArray(R"({"hidden_size": 8, "num_hidden_layers": 2})") << "model_type";
        QTest::newRow("no heads") << patched("llama-3.1-8b", R"({"num_attention_heads": null})") << "num_attention_heads";
        QTest::newRow("uneven heads") << patched("llama-3.1-8b", R"({"num_attention_heads": 7, "num_key_value_heads": 7})") << "7 heads";
        QTest::newRow("uneven groups") << patched("llama-3.1-8b", R"({"num_key_value_heads": 5})") << "5 key heads";
        QTest::newRow("layers as text") << patched("llama-3.1-8b", R"({"num_hidden_layers": "32"})") << "num_hidden_layers";
        QTest::newRow("negative") << patched("llama-3.1-8b", R"({"hidden_size": -4096})") << "hidden_size";
        QTest::newRow("huge") << patched("llama-3.1-8b", R"({"num_hidden_layers": 1000000000})") << "num_hidden_layers";
        QTest::newRow("dtype") << patched("llama-3.1-8b", R"({"torch_dtype": "int3"})") << "torch_dtype";
        QTest::newRow("pattern") << patched("nemotron-h-8b", R"({"hybrid_override_pattern": "MX"})") << "hybrid_override_pattern";
        QTest::newRow("empty pattern") << patched("nemotron-h-8b", R"({"hybrid_override_pattern": ""})") << "hybrid_override_pattern";
        QTest::newRow("layer word") << patched("granite-4.0-h-micro", R"({"layer_types": ["telepathy"]})") << "telepathy";
        QTest::newRow("layer count") << patched("granite-4.0-h-micro", R"({"num_hidden_layers": 41})") << "num_hidden_layers";
        QTest::newRow("no window") << patched("llama-3.1-8b", R"({"num_hidden_layers": 1, "layer_types": ["sliding_attention"]})")
                                   << "sliding_window";
        QTest::newRow("minimax without a list") << patched("minimax-text-01", R"({"attn_type_list": null})") << "attn_type_list";
        QTest::newRow("minimax flag") << patched("minimax-text-01", R"({"attn_type_list": [2]})") << "attn_type_list";
        QTest::newRow("unknown mixer") << patched("llama-3.1-8b", R"({"model_type": "novel", "num_hidden_layers": 1,
                                                                    "layer_types": ["linear_attention"]})")
                                       << "novel";
        QTest::newRow("attn layer") << patched("samba-1.3b", R"({"attn": {"layers": [99]}})") << "99";
        QTest::newRow("attn type") << patched("samba-1.3b", R"({"attn": 3})") << "attn";
        QTest::newRow("experts") << patched("jamba-v0.1", R"({"num_experts_per_tok": 17})") << "17 experts";
        QTest::newRow("ssm layer") << QByteArray(R"({"d_model": 64, "n_layer": 1, "ssm_cfg": {"layer": "Mamba9"}})") << "Mamba9";
    }

    void hostileConfigsAreRefusedWithTheirKey()
    {
        QFETCH(QByteArray, text);
        QFETCH(QString, names);
        const auto parsed = parseArchitecture({text.constData(), static_cast<std::size_t>(text.size())}, "config.json", "test");
        QVERIFY(!parsed.ok());
        const auto what = QString::fromStdString(parsed.error().what);
        QVERIFY2(what.contains(names), qPrintable(what));
        QVERIFY(what.endsWith(QLatin1Char('.')) && !what.contains(QLatin1Char('\n')) && !parsed.error().hint.empty());
    }

    void filesAndFolders()
    {
        const QTemporaryDir folder;
        const std::filesystem::path root = folder.path().toStdString();
        const auto write = [&](const char* name, const QByteArray& bytes) {
            QFile file(folder.filePath(QString::fromLatin1(name)));
            QVERIFY(file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size());
        };
        write("config.json", QByteArray::fromStdString(architectureData("gpt2")["config"].dump()));
        write("small.json", QByteArray::fromStdString(architectureData("gpt2")["config"].dump()));
        write("large.json", QByteArray((16 << 20) + 1, ' '));
        const auto fromFolder = readArchitecture(root);
        QVERIFY(fromFolder.ok());
        QCOMPARE(fromFolder->name, root.filename().string());
        QCOMPARE(readArchitecture(root / "small.json")->name, std::string("small"));
        QVERIFY(readArchitecture(root / "large.json").error().what.find("16 MiB") != std::string::npos);
        QCOMPARE(readArchitecture(root / "missing.json").error().code, Errc::Io);
        QVERIFY(!readArchitecture("/dev/null").ok());
    }
};

static const attnscope::tests::RegisterTest<TestReadArchitecture> registered("test_read_architecture");

#include "test_read_architecture.moc"
