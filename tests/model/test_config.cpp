// SPDX-License-Identifier: GPL-3.0-or-later
// config.json: what is read from it, and that no hostile one gets through.
#include "core/model/config.h"
#include "support/register_test.h"

#include <QTest>

#include <nlohmann/json.hpp>

using namespace attnscope;

namespace {

nlohmann::json llama()
{
    return {{"model_type", "llama"},  {"vocab_size", 100},        {"hidden_size", 32},       {"intermediate_size", 40},
            {"num_hidden_layers", 3}, {"num_attention_heads", 4}, {"num_key_value_heads", 2}};
}

Result<ModelConfig> parsed(const nlohmann::json& json) { return parseModelConfig(json.dump(), "config.json"); }

nlohmann::json changed(nlohmann::json json, const char* patch)
{
    json.merge_patch(nlohmann::json::parse(patch));
    return json;
}

} // namespace

class TestConfig : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsTheSizes()
    {
        const auto config = parsed(llama());
        QVERIFY(config.ok());
        QCOMPARE(config->headDim, Index{8});
        QCOMPARE(config->kvHeads, Index{2});
        QCOMPARE(config->rope.dims, Index{8});
        QCOMPARE(config->scales.size(), std::size_t{3});
        QVERIFY(config->causal && !config->tiedEmbeddings && !config->headNorm && !config->queryBias);
    }

    void readsBothFormsOfRope()
    {
        const auto older = parsed(changed(llama(), R"({"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}})"));
        const auto newer = parsed(changed(llama(), R"({"rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 2.0}})"));
        for (const auto* config : {&older, &newer}) {
            QVERIFY(config->ok());
            QCOMPARE((*config)->rope.type, RopeType::Linear);
            QCOMPARE((*config)->rope.theta, 5e5);
            QCOMPARE((*config)->rope.factor, 2.0);
        }
        const auto partial = parsed(changed(llama(), R"({"partial_rotary_factor": 0.5})"));
        QVERIFY(partial.ok());
        QCOMPARE(partial->rope.dims, Index{4});
    }

    void readsWindowsAsEachFamilyMeansThem()
    {
        const auto windows = [](const char* patch) {
            const auto config = parsed(changed(llama(), patch));
            return config.ok() ? config->windows : std::vector<Index>{-1};
        };
        QCOMPARE(windows(R"({"sliding_window": 9})"), (std::vector<Index>{0, 0, 0}));
        QCOMPARE(windows(R"({"model_type": "mistral", "sliding_window": 9})"), (std::vector<Index>{9, 9, 9}));
        QCOMPARE(windows(R"({"model_type": "mistral"})"), (std::vector<Index>{4096, 4096, 4096}));
        QCOMPARE(windows(R"({"model_type": "qwen2", "sliding_window": 9})"), (std::vector<Index>{0, 0, 0}));
        QCOMPARE(windows(R"({"model_type": "qwen2", "sliding_window": 9, "use_sliding_window": true, "max_window_layers": 2})"),
                 (std::vector<Index>{0, 0, 9}));
        QCOMPARE(windows(R"({"model_type": "qwen3", "sliding_window": 9, "use_sliding_window": true,
                             "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]})"),
                 (std::vector<Index>{9, 0, 9}));
        auto null = changed(llama(), R"({"model_type": "mistral"})");
        null["sliding_window"] = nullptr;
        QCOMPARE(parsed(null)->windows, (std::vector<Index>{0, 0, 0}));
    }

    void refusesWhatIsWrong_data()
    {
        QTest::addColumn<QString>("patch");
        QTest::addColumn<int>("code");
        QTest::addColumn<QString>("named");
        const auto row = [](const char* name, const char* patch, Errc code, const char* named) {
            QTest::newRow(name) << QString(patch) << static_cast<int>(code) << QString(named);
        };
        row("unknown type", R"({"model_type": "mamba2"})", Errc::Unsupported, "mamba2");
        row("type is a number", R"({"model_type": 7})", Errc::Parse, "model_type");
        row("no type", R"({"model_type": null})", Errc::Parse, "model_type");
        row("negative", R"({"hidden_size": -32})", Errc::InvalidParam, "hidden_size");
        row("zero layers", R"({"num_hidden_layers": 0})", Errc::InvalidParam, "num_hidden_layers");
        row("huge", R"({"vocab_size": 18446744073709551615})", Errc::InvalidParam, "vocab_size");
        row("beyond integers", R"({"vocab_size": 1e300})", Errc::Parse, "vocab_size");
        row("fraction", R"({"num_attention_heads": 2.5})", Errc::Parse, "num_attention_heads");
        row("text for a size", R"({"intermediate_size": "40"})", Errc::Parse, "intermediate_size");
        row("list for a size", R"({"hidden_size": [32]})", Errc::Parse, "hidden_size");
        row("missing size", R"({"hidden_size": null})", Errc::Parse, "hidden_size");
        row("heads do not divide", R"({"num_attention_heads": 5})", Errc::InvalidParam, "5 heads");
        row("kv heads do not divide", R"({"num_key_value_heads": 3})", Errc::InvalidParam, "3 key/value heads");
        row("odd head", R"({"head_dim": 7})", Errc::InvalidParam, "rotary");
        row("activation", R"({"hidden_act": "laplace"})", Errc::Unsupported, "laplace");
        row("text for a flag", R"({"attention_bias": "yes"})", Errc::Parse, "attention_bias");
        row("rope type", R"({"rope_scaling": {"rope_type": "longrope", "factor": 2}})", Errc::Unsupported, "longrope");
        row("rope without factor", R"({"rope_scaling": {"rope_type": "linear"}})", Errc::Parse, "factor");
        row("rope is a number", R"({"rope_scaling": 3})", Errc::Parse, "rope_scaling");
        row("rope theta", R"({"rope_theta": -1})", Errc::InvalidParam, "rope_theta");
        row("llama3 bounds", R"({"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}})",
            Errc::InvalidParam, "high_freq_factor");
        row("rope by layer type", R"({"rope_parameters": {"full_attention": {"rope_type": "default"}}})", Errc::Unsupported,
            "full_attention");
        row("quantised", R"({"quantization_config": {"bits": 4}})", Errc::Unsupported, "quantised");
        row("layer types", R"({"model_type": "qwen3", "use_sliding_window": true, "layer_types": ["full_attention"]})", Errc::InvalidParam,
            "layer_types");
        row("epsilon", R"({"rms_norm_eps": -1})", Errc::InvalidParam, "rms_norm_eps");
    }

    void refusesWhatIsWrong()
    {
        QFETCH(QString, patch);
        QFETCH(int, code);
        QFETCH(QString, named);
        const auto config = parsed(changed(llama(), patch.toUtf8().constData()));
        QVERIFY(!config.ok());
        QCOMPARE(static_cast<int>(config.error().code), code);
        QVERIFY2(QString::fromStdString(config.error().what).contains(named), config.error().what.c_str());
        QVERIFY(!config.error().hint.empty());
    }

    void refusesWhatIsNoJsonObject()
    {
        const std::string deep(200000, '[');
        for (const std::string& text :
             {std::string(), std::string("{"), std::string("[1]"), std::string("null"), std::string("\xff\xfe"), deep}) {
            const auto config = parseModelConfig(text, "config.json");
            QVERIFY(!config.ok());
            QCOMPARE(config.error().code, Errc::Parse);
        }
    }

    void namesTheMissingFile()
    {
        const auto config = readModelConfig("/no/such/folder");
        QVERIFY(!config.ok());
        QCOMPARE(config.error().code, Errc::Io);
        QVERIFY(config.error().what.find("config.json") != std::string::npos);
    }
};

static const attnscope::tests::RegisterTest<TestConfig> registered("test_config");

#include "test_config.moc"
