// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/config.h"

#include "core/io/file_error.h"
#include "core/model/config_fields.h"
#include "core/model/rope_config.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>

namespace attnscope {

namespace {

constexpr Index MaxVocabulary = Index{1} << 24;
constexpr Index MaxHidden = Index{1} << 17;
constexpr Index MaxIntermediate = Index{1} << 20;
constexpr Index MaxLayers = 4096;
constexpr Index MaxHeads = 4096;
constexpr Index MaxHeadDim = 8192;
constexpr Index MaxPositions = Index{1} << 30;
constexpr std::uintmax_t MaxConfigBytes = std::uintmax_t{16} << 20;
const char* const TakeOriginal = "Take config.json from the model's original folder.";

Activation activationOf(ConfigFields& fields, const char* key, const char* fallback)
{
    static const std::map<std::string, Activation> known{
        {"silu", Activation::Silu},        {"swish", Activation::Silu},           {"gelu", Activation::Gelu},
        {"gelu_python", Activation::Gelu}, {"gelu_new", Activation::GeluTanh},    {"gelu_pytorch_tanh", Activation::GeluTanh},
        {"relu", Activation::Relu},        {"gelu_fast", Activation::GeluTanh},   {"gelu_python_tanh", Activation::GeluTanh},
        {"tanh", Activation::Tanh},        {"quick_gelu", Activation::QuickGelu}, {"gelu_accurate", Activation::GeluTanh}};
    const std::string name = fields.text(key, fallback);
    const auto at = known.find(name);
    if (at != known.end())
        return at->second;
    fields.fail(Errc::Unsupported, fields.origin() + " asks for the activation \"" + name + "\", which Attnscope does not know.",
                "Known are silu, gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu and tanh.");
    return Activation::Gelu;
}

void setHeadDim(ConfigFields& fields, ModelConfig& c)
{
    if (c.headDim != 0)
        return;
    if (c.hidden % c.heads != 0)
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": " + std::to_string(c.heads) + " heads do not divide the hidden size " + std::to_string(c.hidden) +
                        ".",
                    TakeOriginal);
    c.headDim = std::max<Index>(1, c.hidden / c.heads);
}

void setScales(ModelConfig& c) { c.scales.assign(static_cast<std::size_t>(c.layers), 1.0F / std::sqrt(static_cast<float>(c.headDim))); }

void readGpt2(ConfigFields& fields, ModelConfig& c)
{
    c.family = ModelFamily::Gpt2;
    c.hidden = fields.size("n_embd", MaxHidden);
    c.layers = fields.size("n_layer", MaxLayers);
    c.heads = c.kvHeads = fields.size("n_head", MaxHeads);
    c.maxPositions = fields.size("n_positions", MaxPositions, fields.size("n_ctx", MaxPositions, 1024));
    c.intermediate = fields.size("n_inner", MaxIntermediate, 4 * c.hidden);
    c.normEpsilon = static_cast<float>(fields.number("layer_norm_epsilon", 0.0, 1.0, 1e-5));
    c.activation = activationOf(fields, "activation_function", "gelu_new");
    c.queryBias = c.outputBias = c.mlpBias = c.learnedPositions = true;
    setHeadDim(fields, c);
    setScales(c);
    if (!fields.flag("scale_attn_weights", true))
        c.scales.assign(c.scales.size(), 1.0F);
    if (fields.flag("scale_attn_by_inverse_layer_idx", false))
        for (std::size_t i = 0; i < c.scales.size(); ++i)
            c.scales[i] /= static_cast<float>(i + 1);
}

void readBert(ConfigFields& fields, ModelConfig& c)
{
    c.family = ModelFamily::Bert;
    c.hidden = fields.size("hidden_size", MaxHidden);
    c.layers = fields.size("num_hidden_layers", MaxLayers);
    c.heads = c.kvHeads = fields.size("num_attention_heads", MaxHeads);
    c.maxPositions = fields.size("max_position_embeddings", MaxPositions, 512);
    c.intermediate = fields.size("intermediate_size", MaxIntermediate);
    c.tokenTypes = fields.size("type_vocab_size", MaxVocabulary, 2);
    c.normEpsilon = static_cast<float>(fields.number("layer_norm_eps", 0.0, 1.0, 1e-12));
    c.activation = activationOf(fields, "hidden_act", "gelu");
    c.causal = fields.flag("is_decoder", false);
    c.queryBias = c.outputBias = c.mlpBias = c.learnedPositions = true;
    const std::string positions = fields.text("position_embedding_type", "absolute");
    if (positions != "absolute")
        fields.fail(Errc::Unsupported, fields.origin() + " asks for position embeddings of the type \"" + positions + "\".",
                    "Only absolute positions are known for BERT; capture q, k and v in PyTorch and open those.");
    setHeadDim(fields, c);
    setScales(c);
}

/// The layers that look back over a limited number of keys, as each family configures them.
void readWindows(ConfigFields& fields, ModelConfig& c)
{
    c.windows.assign(static_cast<std::size_t>(c.layers), 0);
    if (c.modelType == "mistral") {
        const Index window = fields.isNull("sliding_window") ? 0 : fields.size("sliding_window", MaxPositions, 4096);
        c.windows.assign(c.windows.size(), window);
        return;
    }
    if (c.modelType == "llama" || !fields.flag("use_sliding_window", false) || fields.isNull("sliding_window"))
        return;
    const Index window = fields.size("sliding_window", MaxPositions, 4096);
    const Index fullLayers = fields.has("max_window_layers") && fields.number("max_window_layers", 0, 1e9, 28) == 0
                                 ? 0
                                 : fields.size("max_window_layers", MaxPositions, 28);
    const auto types = fields.texts("layer_types");
    if (!types.empty() && static_cast<Index>(types.size()) != c.layers)
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": \"layer_types\" names " + std::to_string(types.size()) + " layers, but the model has " +
                        std::to_string(c.layers) + ".",
                    TakeOriginal);
    for (std::size_t i = 0; i < c.windows.size(); ++i) {
        const bool sliding = i < types.size() ? types[i] == "sliding_attention" : static_cast<Index>(i) >= fullLayers;
        c.windows[i] = sliding ? window : 0;
    }
}

void readLlama(ConfigFields& fields, ModelConfig& c)
{
    c.family = ModelFamily::Llama;
    c.hidden = fields.size("hidden_size", MaxHidden);
    c.layers = fields.size("num_hidden_layers", MaxLayers);
    c.heads = fields.size("num_attention_heads", MaxHeads);
    c.kvHeads =
        fields.size("num_key_value_heads", MaxHeads, c.modelType == "mistral" && !fields.isNull("num_key_value_heads") ? 8 : c.heads);
    c.headDim = fields.size("head_dim", MaxHeadDim, c.modelType == "qwen3" ? 128 : 0);
    setHeadDim(fields, c);
    c.maxPositions = fields.size("max_position_embeddings", MaxPositions, 2048);
    c.intermediate = fields.size("intermediate_size", MaxIntermediate);
    c.normEpsilon = static_cast<float>(fields.number("rms_norm_eps", 0.0, 1.0, 1e-6));
    c.activation = activationOf(fields, "hidden_act", "silu");
    const bool bias = fields.flag("attention_bias", false);
    c.queryBias = c.modelType == "qwen2" || (bias && c.modelType != "mistral");
    c.outputBias = bias && (c.modelType == "llama" || c.modelType == "qwen3");
    c.mlpBias = c.modelType == "llama" && fields.flag("mlp_bias", false);
    c.headNorm = c.modelType == "qwen3";
    c.rope = readRope(fields, c.headDim, c.maxPositions);
    setScales(c);
    readWindows(fields, c);
    if (c.heads % c.kvHeads != 0)
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": " + std::to_string(c.kvHeads) + " key/value heads do not divide " + std::to_string(c.heads) +
                        " heads.",
                    TakeOriginal);
}

struct KnownType {
    const char* modelType;
    const char* title;
    void (*read)(ConfigFields&, ModelConfig&);
};

constexpr KnownType KnownTypes[] = {{"gpt2", "GPT-2", readGpt2},   {"llama", "Llama", readLlama}, {"mistral", "Mistral", readLlama},
                                    {"qwen2", "Qwen2", readLlama}, {"qwen3", "Qwen3", readLlama}, {"bert", "BERT", readBert}};

void checkSupported(ConfigFields& fields)
{
    if (fields.has("quantization_config"))
        fields.fail(Errc::Unsupported, fields.origin() + " describes a quantised model.",
                    "Use the unquantised folder of the model: weights in float32, float16 or bfloat16.");
    if (fields.flag("add_cross_attention", false))
        fields.fail(Errc::Unsupported, fields.origin() + " asks for cross-attention.",
                    "Only encoders and decoders that stand alone are known; capture q, k and v in PyTorch and open those.");
}

Result<ModelConfig> readObject(const nlohmann::json& object, const std::string& origin)
{
    ConfigFields fields(object, origin);
    ModelConfig config;
    config.modelType = fields.text("model_type", "");
    if (!fields.error() && config.modelType.empty())
        return Error{Errc::Parse, origin + " does not say which type of model it describes (\"model_type\").", TakeOriginal};
    for (const auto& type : KnownTypes) {
        if (config.modelType != type.modelType || fields.error())
            continue;
        config.title = type.title;
        config.vocabulary = fields.size("vocab_size", MaxVocabulary);
        config.tiedEmbeddings = fields.flag("tie_word_embeddings", type.read != readLlama);
        type.read(fields, config);
        if (config.windows.empty())
            config.windows.assign(static_cast<std::size_t>(config.layers), 0);
        checkSupported(fields);
    }
    if (fields.error())
        return *fields.error();
    if (config.title.empty())
        return Error{
            Errc::Unsupported, origin + " describes a model of the type \"" + config.modelType + "\", which Attnscope does not know.",
            "Known are gpt2, llama, mistral, qwen2, qwen3 and bert; of any other model capture q, k and v in PyTorch and open those."};
    return config;
}

} // namespace

Result<ModelConfig> parseModelConfig(std::string_view json, const std::string& origin)
{
    const auto object = nlohmann::json::parse(json, nullptr, false);
    if (object.is_discarded() || !object.is_object())
        return Error{Errc::Parse, origin + " is not a JSON object.", TakeOriginal};
    return readObject(object, origin);
}

Result<ModelConfig> readModelConfig(const std::filesystem::path& folder)
{
    const auto path = folder / "config.json";
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed))
        return Error{Errc::Io, "The folder " + quoted(folder) + " has no config.json.",
                     "Choose a Hugging Face model folder with config.json, tokenizer.json and model.safetensors."};
    if (std::filesystem::file_size(path, failed) > MaxConfigBytes)
        return Error{Errc::Parse, quoted(path) + " is too large for a model's config.", TakeOriginal};
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file)
        return Error{Errc::Io, quoted(path) + " can't be read.", "Check the file's permissions."};
    return parseModelConfig(text, quoted(path));
}

} // namespace attnscope
