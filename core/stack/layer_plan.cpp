// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/layer_plan.h"

#include <algorithm>
#include <map>
#include <set>

namespace attnscope {

namespace {

constexpr Index MaxLayers = 4096;
constexpr LayerKind fullKind{AttentionKind::Full, false, false, FfnRule::ByConfig};
constexpr LayerKind slidingKind{AttentionKind::Sliding, false, false, FfnRule::ByConfig};
constexpr LayerKind recurrentKind{AttentionKind::None, true, false, FfnRule::ByConfig};
constexpr LayerKind bothKind{AttentionKind::Full, true, false, FfnRule::ByConfig};

using Probe = std::optional<LayerPlan> (*)(StackFields&);

Index layerCount(StackFields& fields) { return fields.required({"num_hidden_layers", "n_layer", "n_layers", "num_layers"}, MaxLayers); }

/// One kind for each layer from a rule on its number.
template <class Rule>
LayerPlan byRule(StackFields& fields, std::string key, Rule rule)
{
    LayerPlan plan{{}, std::move(key)};
    const Index count = layerCount(fields);
    for (Index i = 0; i < count && !fields.error(); ++i)
        plan.layers.push_back(rule(i));
    return plan;
}

LayerPlan withAttentionAt(StackFields& fields, const char* key, const std::vector<Index>& at, LayerKind attention)
{
    const std::set<Index> chosen(at.begin(), at.end());
    auto plan = byRule(fields, key, [&](Index i) { return chosen.contains(i) ? attention : recurrentKind; });
    if (!chosen.empty() && *chosen.rbegin() >= static_cast<Index>(plan.layers.size()))
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": \"" + key + "\" names layer " + std::to_string(*chosen.rbegin()) + ", but the model has " +
                        std::to_string(plan.layers.size()) + " layers.",
                    kTakeOriginalConfig);
    return plan;
}

std::optional<LayerKind> kindOfLetter(char letter)
{
    switch (letter) {
    case 'M':
        return LayerKind{AttentionKind::None, true, false, FfnRule::None};
    case '*':
        return LayerKind{AttentionKind::Full, false, false, FfnRule::None};
    case '-':
        return LayerKind{AttentionKind::None, false, false, FfnRule::Dense};
    case 'E':
        return LayerKind{AttentionKind::None, false, false, FfnRule::Moe};
    default:
        return std::nullopt;
    }
}

std::optional<LayerPlan> fromPattern(StackFields& fields)
{
    const char* key = "hybrid_override_pattern";
    if (!fields.has(key))
        return std::nullopt;
    LayerPlan plan{{}, key};
    for (const char letter : fields.text(key, {})) {
        const auto kind = kindOfLetter(letter);
        if (kind)
            plan.layers.push_back(*kind);
        else if (letter != '|') // a cut between pipeline stages
            fields.fail(Errc::Unsupported, fields.origin() + ": \"" + key + "\" holds a letter other than M, *, - and E.",
                        kTakeOriginalConfig);
    }
    return plan;
}

std::optional<LayerKind> kindOfWord(const std::string& word)
{
    static const std::map<std::string, LayerKind> known{{"mamba", recurrentKind},
                                                        {"mamba2", recurrentKind},
                                                        {"m", recurrentKind},
                                                        {"linear_attention", recurrentKind},
                                                        {"recurrent", recurrentKind},
                                                        {"attention", fullKind},
                                                        {"full_attention", fullKind},
                                                        {"deepseek_sparse_attention", fullKind},
                                                        {"indexed_attention", fullKind},
                                                        {"sliding_attention", slidingKind},
                                                        {"local_attention", slidingKind},
                                                        {"chunked_attention", {AttentionKind::Chunked, false, false, FfnRule::ByConfig}},
                                                        {"hybrid", bothKind},
                                                        {"g", bothKind},
                                                        {"hybrid_sliding", {AttentionKind::Sliding, true, false, FfnRule::ByConfig}},
                                                        {"conv", {AttentionKind::None, false, true, FfnRule::ByConfig}},
                                                        {"mlp", {AttentionKind::None, false, false, FfnRule::Dense}},
                                                        {"moe", {AttentionKind::None, false, false, FfnRule::Moe}}};
    const auto at = known.find(word);
    return at == known.end() ? std::nullopt : std::optional(at->second);
}

std::vector<LayerKind> kindsOfWords(StackFields& fields, const char* key)
{
    std::vector<LayerKind> kinds;
    for (const auto& word : fields.texts(key)) {
        const auto kind = kindOfWord(word);
        if (!kind) {
            fields.fail(Errc::Unsupported,
                        fields.origin() + ": \"" + key + "\" names a layer \"" + word.substr(0, 40) + "\", which Attnscope does not know.",
                        "Known are full, sliding and chunked attention, linear attention, mamba, conv, hybrid, mlp and moe.");
            break;
        }
        kinds.push_back(*kind);
    }
    // Where feed-forward parts are layers of their own, the others hold none.
    if (std::any_of(kinds.begin(), kinds.end(), [](const auto& k) { return k.ffn != FfnRule::ByConfig; }))
        for (auto& kind : kinds)
            if (kind.ffn == FfnRule::ByConfig)
                kind.ffn = FfnRule::None;
    return kinds;
}

void checkCount(StackFields& fields, const LayerPlan& plan)
{
    const char* key = fields.firstOf({"num_hidden_layers", "n_layer", "n_layers", "num_layers"});
    const Index stated = key ? fields.size(key, MaxLayers, 1) : 0;
    if (key && stated != static_cast<Index>(plan.layers.size()))
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": \"" + plan.decidedBy + "\" names " + std::to_string(plan.layers.size()) + " layers, but \"" + key +
                        "\" is " + std::to_string(stated) + ".",
                    kTakeOriginalConfig);
}

std::optional<LayerPlan> fromWords(StackFields& fields, const char* key)
{
    if (!fields.has(key))
        return std::nullopt;
    LayerPlan plan{kindsOfWords(fields, key), key};
    if (fields.modelType != "nemotron_h") // whose num_hidden_layers may be out of date
        checkCount(fields, plan);
    return plan;
}

std::optional<LayerPlan> fromBlockTypeWords(StackFields& fields) { return fromWords(fields, "layers_block_type"); }
std::optional<LayerPlan> fromLayerTypes(StackFields& fields) { return fromWords(fields, "layer_types"); }

std::optional<LayerPlan> fromAttentionFlags(StackFields& fields)
{
    const char* key = "attn_type_list";
    if (!fields.has(key))
        return std::nullopt;
    LayerPlan plan{{}, key};
    for (const Index flag : fields.indices(key)) {
        if (flag > 1)
            fields.fail(Errc::Unsupported, fields.origin() + ": \"" + key + "\" holds a number other than 0 and 1.", kTakeOriginalConfig);
        plan.layers.push_back(flag == 1 ? fullKind : recurrentKind);
    }
    checkCount(fields, plan);
    return plan;
}

std::optional<LayerPlan> fromLinearAttnConfig(StackFields& fields)
{
    const auto* object = fields.object("linear_attn_config");
    if (!object || !object->contains("full_attn_layers"))
        return std::nullopt;
    StackFields inner(*object, fields.origin() + ", linear_attn_config");
    auto full = inner.indices("full_attn_layers");
    auto both = inner.indices("kda_layers");
    both.insert(both.end(), full.begin(), full.end());
    std::sort(both.begin(), both.end());
    if (inner.error())
        fields.fail(inner.error()->code, inner.error()->what, inner.error()->hint);
    const Index count = layerCount(fields);
    const Index base = both.empty() ? 0 : both.front();
    bool covers = static_cast<Index>(both.size()) == count && base <= 1;
    for (std::size_t i = 0; i < both.size() && covers; ++i)
        covers = both[i] == base + static_cast<Index>(i);
    if (!covers) {
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": \"full_attn_layers\" and \"kda_layers\" in \"linear_attn_config\" do not name each layer once.",
                    kTakeOriginalConfig);
        return LayerPlan{};
    }
    for (auto& layer : full)
        layer -= base;
    return withAttentionAt(fields, "linear_attn_config.full_attn_layers", full, fullKind);
}

std::optional<LayerPlan> fromPeriod(StackFields& fields)
{
    if (!fields.has("attn_layer_period"))
        return std::nullopt;
    const Index period = fields.size("attn_layer_period", MaxLayers);
    const Index offset = fields.count({"attn_layer_offset"});
    const LayerKind chosen = fields.modelType == "zamba" ? bothKind : fullKind;
    return byRule(fields, "attn_layer_period", [=](Index i) { return i % period == offset ? chosen : recurrentKind; });
}

std::optional<LayerPlan> fromInterval(StackFields& fields)
{
    const char* key = "full_attention_interval";
    const bool byDefault = fields.modelType == "qwen3_next";
    if (!fields.has(key) && !byDefault)
        return std::nullopt;
    const Index interval = fields.either({key}, 4, MaxLayers);
    return byRule(fields, fields.has(key) ? key : "full_attention_interval (default 4)",
                  [=](Index i) { return (i + 1) % interval == 0 ? fullKind : recurrentKind; });
}

std::optional<LayerPlan> fromCycle(StackFields& fields)
{
    const char* key = fields.firstOf({"block_types", "_block_types"});
    if (!key)
        return std::nullopt;
    auto cycle = kindsOfWords(fields, key);
    if (cycle.empty())
        fields.fail(Errc::InvalidParam, fields.origin() + ": \"" + key + "\" is empty.", kTakeOriginalConfig);
    if (fields.error())
        return LayerPlan{};
    for (auto& kind : cycle) // RecurrentGemma's "attention" is always local
        if (kind.attention == AttentionKind::Full && fields.has("attention_window_size"))
            kind.attention = AttentionKind::Sliding;
    return byRule(fields, key, [&](Index i) { return cycle[static_cast<std::size_t>(i) % cycle.size()]; });
}

std::optional<LayerPlan> fromIndices(StackFields& fields)
{
    const char* key = fields.has("attn_layer_indices") ? "attn_layer_indices" : fields.has("attn_layer_idx") ? "attn_layer_idx" : nullptr;
    if (key)
        return withAttentionAt(fields, key, fields.indices(key), fields.modelType == "falcon_h1" ? bothKind : fullKind);
    if (fields.modelType == "falcon_h1" && fields.isNull("attn_layer_indices"))
        return byRule(fields, "attn_layer_indices (null: every layer)", [](Index) { return bothKind; });
    return std::nullopt;
}

void addAttnObject(StackFields& fields, const nlohmann::json& object, std::vector<LayerKind>& kinds)
{
    StackFields inner(object, fields.origin() + ", attn");
    for (const Index layer : inner.indices("layers"))
        if (layer < static_cast<Index>(kinds.size()))
            kinds[static_cast<std::size_t>(layer)] = inner.has("window_size") ? slidingKind : fullKind;
        else
            inner.fail(Errc::InvalidParam,
                       inner.origin() + ": \"layers\" names layer " + std::to_string(layer) + ", but the model has " +
                           std::to_string(kinds.size()) + " layers.",
                       kTakeOriginalConfig);
    if (inner.error())
        fields.fail(inner.error()->code, inner.error()->what, inner.error()->hint);
}

std::optional<LayerPlan> fromAttnObject(StackFields& fields)
{
    if (!fields.has("attn"))
        return std::nullopt;
    const auto& attn = fields.json().at("attn");
    auto plan = byRule(fields, "attn.layers", [](Index) { return recurrentKind; });
    if (attn.is_object()) {
        addAttnObject(fields, attn, plan.layers);
        return plan;
    }
    if (!attn.is_array())
        fields.fail(Errc::Parse, fields.origin() + ": \"attn\" is neither an object nor a list of objects.", kTakeOriginalConfig);
    for (const auto& entry : attn)
        if (entry.is_object())
            addAttnObject(fields, entry, plan.layers);
    return plan;
}

/// Families of which it is known that every layer attends, where no list says otherwise.
bool isAttentionType(const std::string& type)
{
    static const std::set<std::string> known{
        "bert",     "bloom",     "cohere",  "deepseek_v2", "deepseek_v3", "falcon",     "gemma",       "gpt2",    "gpt_bigcode",
        "gpt_neox", "gptj",      "granite", "granitemoe",  "kimi_k2",     "llama",      "minimax_m2",  "mistral", "mixtral",
        "mpt",      "nemotron",  "olmo",    "olmo2",       "opt",         "phi",        "phi3",        "qwen2",   "qwen2_moe",
        "qwen3",    "qwen3_moe", "roberta", "smollm3",     "stablelm",    "starcoder2", "transformer", "gemma2",  "gemma3_text"};
    return known.contains(type);
}

/// Softmax attention everywhere, with the windows that some families set for all or some of their layers.
LayerPlan attentionEverywhere(StackFields& fields, const std::string& type)
{
    const bool used = fields.has("sliding_window") && (!fields.has("use_sliding_window") || fields.flag("use_sliding_window", true));
    if (used && (type == "mistral" || type == "mixtral" || type == "phi3" || type == "starcoder2"))
        return byRule(fields, "sliding_window", [](Index) { return slidingKind; });
    if (used && (type == "gemma2" || type == "gemma3_text")) {
        const Index pattern = fields.either({"sliding_window_pattern"}, type == "gemma2" ? 2 : 6, MaxLayers);
        return byRule(fields, "sliding_window_pattern", [=](Index i) { return (i + 1) % pattern == 0 ? fullKind : slidingKind; });
    }
    return byRule(fields, isAttentionType(type) ? "model_type" : "model_type (not known: taken as attention everywhere)",
                  [](Index) { return fullKind; });
}

LayerPlan fromModelType(StackFields& fields)
{
    const auto& type = fields.modelType;
    if (type.starts_with("minimax") && type != "minimax_m2")
        fields.fail(Errc::Unsupported,
                    fields.origin() + " does not say which layers attend: \"attn_type_list\" and \"layer_types\" are missing.",
                    "The defaults of this model type differ from the published model; take the config.json that lists its layers.");
    if (type == "falcon_h1")
        return byRule(fields, "model_type", [](Index) { return bothKind; });
    if (isRecurrentType(type) || fields.has("ssm_cfg"))
        return byRule(fields, fields.has("ssm_cfg") ? "ssm_cfg" : "model_type", [](Index) { return recurrentKind; });
    if (type.empty() && !fields.firstOf({"num_attention_heads", "n_head", "num_heads"}))
        fields.fail(Errc::Unsupported, fields.origin() + " has no \"model_type\", and no other key that says what its layers are.",
                    kTakeOriginalConfig);
    return attentionEverywhere(fields, type);
}

} // namespace

bool isRecurrentType(const std::string& type)
{
    static const std::set<std::string> known{
        "mamba",         "mamba2", "mamba3",         "falcon_mamba",    "samba", "gla",         "retnet",
        "delta_net",     "hgrn2",  "gated_deltanet", "gated_delta_net", "kda",   "linear_attn", "log_linear_mamba2",
        "lightning_attn"};
    return known.contains(type) || type.starts_with("rwkv");
}

LayerPlan planLayers(StackFields& fields)
{
    constexpr Probe probes[] = {fromPattern, fromBlockTypeWords, fromLayerTypes, fromAttentionFlags, fromLinearAttnConfig,
                                fromPeriod,  fromInterval,       fromCycle,      fromIndices,        fromAttnObject};
    LayerPlan plan;
    bool found = false;
    for (const auto probe : probes) {
        if (auto hit = probe(fields)) {
            plan = std::move(*hit);
            found = true;
            break;
        }
    }
    if (!found)
        plan = fromModelType(fields);
    if (plan.layers.empty() || static_cast<Index>(plan.layers.size()) > MaxLayers)
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": \"" + plan.decidedBy + "\" names " + std::to_string(plan.layers.size()) +
                        " layers, but must name 1 to 4096.",
                    kTakeOriginalConfig);
    return plan;
}

} // namespace attnscope
