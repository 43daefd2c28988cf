// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/layer_shapes.h"

#include <algorithm>
#include <set>

namespace attnscope {

namespace {

constexpr Index MaxHeads = 4096;
constexpr Index MaxHeadDim = 8192;

/// hidden / heads, checked.
Index evenWidth(StackFields& fields, Index hidden, Index heads)
{
    if (hidden % std::max<Index>(heads, 1) != 0)
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": " + std::to_string(heads) + " heads do not divide the width " + std::to_string(hidden) + ".",
                    kTakeOriginalConfig);
    return std::max<Index>(1, hidden / std::max<Index>(heads, 1));
}

void readLatent(StackFields& fields, AttentionShape& a)
{
    if (!fields.has("kv_lora_rank"))
        return;
    a.latent =
        LatentShape{fields.size("kv_lora_rank", MaxHeadDim), fields.count({"qk_rope_head_dim"}), fields.count({"qk_nope_head_dim"}, 128),
                    fields.either({"v_head_dim"}, 128, MaxHeadDim), fields.count({"q_lora_rank"})};
    a.kvHeads = 1;
    a.headDim = a.latent->nopeDim + a.latent->ropeDim;
}

/// The dict or list of dicts `attn` of fla-hub models carries the sizes of their attention layers.
void readAttnObject(StackFields& fields, AttentionShape& a, Index hidden)
{
    const auto& attn = fields.json().at("attn");
    const nlohmann::json* object = attn.is_object() ? &attn : nullptr;
    if (attn.is_array() && !attn.empty() && attn.front().is_object())
        object = &attn.front();
    if (!object)
        return;
    StackFields inner(*object, fields.origin() + ", attn");
    a.heads = inner.required({"num_heads"}, MaxHeads);
    a.kvHeads = inner.either({"num_kv_heads"}, a.heads, MaxHeads);
    a.headDim = inner.either({"head_dim"}, evenWidth(fields, hidden, a.heads), MaxHeadDim);
    a.window = inner.either({"window_size"}, 0, Index{1} << 30);
    if (inner.error())
        fields.fail(inner.error()->code, inner.error()->what, inner.error()->hint);
}

/// state-spaces' own configs: attn_cfg {num_heads, num_heads_kv, head_dim}.
void readAttnCfg(StackFields& fields, AttentionShape& a, Index hidden)
{
    StackFields inner(fields.json().at("attn_cfg"), fields.origin() + ", attn_cfg");
    a.heads = inner.required({"num_heads"}, MaxHeads);
    a.kvHeads = inner.either({"num_heads_kv"}, a.heads, MaxHeads);
    a.headDim = inner.has("head_dim") ? inner.size("head_dim", MaxHeadDim) : evenWidth(fields, hidden, a.heads);
    if (inner.error())
        fields.fail(inner.error()->code, inner.error()->what, inner.error()->hint);
}

Index statedKvHeads(StackFields& fields, Index heads)
{
    const bool multiQuery = fields.json().contains("multi_query") && fields.flag("multi_query", false) &&
                            !(fields.has("new_decoder_architecture") && fields.flag("new_decoder_architecture", false));
    return multiQuery ? 1 : fields.either({"num_key_value_heads", "num_kv_heads"}, heads, MaxHeads);
}

/// Kernel width and channels of the short convolution.
void setConv(StackFields& fields, RecurrentShape& r, StackFields::Keys keys, Index channels, Index fallback)
{
    r.convTaps = fields.either(keys, fallback, 1024);
    r.convChannels = channels;
}

RecurrentShape mamba1(StackFields& fields, Index hidden)
{
    RecurrentShape r{.method = "mamba1"};
    const double expand = fields.ratio({"mamba_expand", "expand"}, 2.0);
    r.heads = std::max<Index>(1, static_cast<Index>(expand * static_cast<double>(hidden)));
    r.keyDim = fields.either({"mamba_d_state", "state_size", "d_state"}, 16, MaxHeadDim);
    r.valueDim = 1;
    const char* key = fields.firstOf({"mamba_dt_rank", "time_step_rank", "dt_rank"});
    const bool stated = key && fields.json().at(key).is_number();
    r.stepRank = stated ? fields.size(key, StackFields::MaxSize) : (hidden + 15) / 16;
    setConv(fields, r, {"mamba_d_conv", "conv_kernel", "d_conv"}, r.heads, 4);
    return r;
}

/// Heads and widths that Mamba-2 and Mamba-3 share; heads x head width decides, not `expand`, which pruned models leave stale.
RecurrentShape multiHeadMamba(StackFields& fields, Index hidden, const char* method)
{
    RecurrentShape r{.method = method};
    const double expand = fields.ratio({"mamba_expand", "expand"}, 2.0);
    const Index inner = fields.either({"mamba_d_ssm"}, static_cast<Index>(expand * static_cast<double>(hidden)));
    r.valueDim = fields.either({"mamba_head_dim", "mamba_d_head", "mamba_headdim", "headdim", "head_dim"}, 64, MaxHeadDim);
    const auto heads = {"mamba_num_heads", "mamba_n_heads", "n_mamba_heads"};
    const bool plain = isRecurrentType(fields.modelType) && fields.has("num_heads");
    r.heads = fields.firstOf(heads) ? fields.required(heads)
              : plain               ? fields.size("num_heads", StackFields::MaxSize)
                                    : std::max<Index>(1, inner / r.valueDim);
    r.keyDim = fields.either({"ssm_state_size", "mamba_d_state", "state_size", "d_state"}, 128, MaxHeadDim);
    r.groups = fields.either({"mamba_n_groups", "mamba_ngroups", "n_groups", "ngroups"}, 1, MaxHeads);
    return r;
}

RecurrentShape mamba2(StackFields& fields, Index hidden)
{
    auto r = multiHeadMamba(fields, hidden, "mamba2");
    setConv(fields, r, {"conv_kernel", "mamba_d_conv", "d_conv"}, r.heads * r.valueDim + 2 * r.groups * r.keyDim, 4);
    return r;
}

RecurrentShape mamba3(StackFields& fields, Index hidden)
{
    auto r = multiHeadMamba(fields, hidden, "mamba3");
    const bool mimo = fields.has("is_mimo") && fields.flag("is_mimo", false);
    r.rank = mimo ? fields.either({"mimo_rank"}, 4, 64) : 1;
    const double rotated = fields.ratio({"rope_fraction"}, 0.5);
    r.extraFloats = r.heads * static_cast<Index>(rotated * static_cast<double>(r.keyDim)) / 2;
    r.extraElements = r.heads * (r.rank * r.keyDim + r.valueDim);
    return r;
}

RecurrentShape gatedDeltaNet(StackFields& fields)
{
    RecurrentShape r{.method = "gated-deltanet"};
    r.heads = fields.required({"linear_num_value_heads"}, MaxHeads);
    r.keyHeads = fields.either({"linear_num_key_heads"}, r.heads, MaxHeads);
    r.keyDim = fields.either({"linear_key_head_dim"}, 128, MaxHeadDim);
    r.valueDim = fields.either({"linear_value_head_dim"}, r.keyDim, MaxHeadDim);
    setConv(fields, r, {"linear_conv_kernel_dim"}, 2 * r.keyHeads * r.keyDim + r.heads * r.valueDim, 4);
    return r;
}

RecurrentShape kimiDelta(StackFields& fields)
{
    const auto* object = fields.object("linear_attn_config");
    StackFields inner(object ? *object : fields.json(), fields.origin() + ", linear_attn_config");
    RecurrentShape r{.method = "kda"};
    r.heads = inner.required({"num_heads"}, MaxHeads);
    r.keyDim = r.valueDim = inner.required({"head_dim"}, MaxHeadDim);
    setConv(inner, r, {"short_conv_kernel_size"}, 3 * r.heads * r.keyDim, 4);
    if (inner.error())
        fields.fail(inner.error()->code, inner.error()->what, inner.error()->hint);
    return r;
}

RecurrentShape lightning(StackFields& fields, Index hidden)
{
    RecurrentShape r{.method = "lightning"};
    r.heads = fields.required({"num_attention_heads", "num_heads"}, MaxHeads);
    r.keyDim = r.valueDim = fields.has("head_dim") ? fields.size("head_dim", MaxHeadDim) : evenWidth(fields, hidden, r.heads);
    return r;
}

RecurrentShape rgLru(StackFields& fields, Index hidden)
{
    RecurrentShape r{.method = "rg-lru"};
    r.heads = fields.either({"lru_width"}, hidden);
    r.keyDim = r.valueDim = 1;
    r.gateBlocks = fields.either({"num_attention_heads"}, 1, MaxHeads);
    setConv(fields, r, {"conv1d_width"}, r.heads, 4);
    return r;
}

RecurrentShape rwkv(StackFields& fields, Index hidden)
{
    const auto& type = fields.modelType;
    if (type == "rwkv") { // version 4: five numbers a channel
        RecurrentShape r{.method = "rwkv4", .heads = hidden, .keyDim = 1, .valueDim = 1};
        r.extraFloats = 4 * hidden;
        return r;
    }
    RecurrentShape r{.method = type.find('7') != std::string::npos ? "rwkv7" : "rwkv6"};
    r.keyDim = r.valueDim = fields.either({"head_dim", "head_size"}, 64, MaxHeadDim);
    r.heads = fields.has("num_heads") ? fields.size("num_heads", MaxHeads) : evenWidth(fields, hidden, r.valueDim);
    r.valueDim = std::max<Index>(1, hidden / r.heads);
    if (!fields.firstOf({"head_dim", "head_size"}) && fields.has("expand_k"))
        r.keyDim = std::max<Index>(1, static_cast<Index>(fields.ratio({"expand_k"}, 0.5) * static_cast<double>(r.valueDim)));
    r.extraElements = 2 * hidden; // the last token's input to both halves of a layer
    return r;
}

struct FlaMixer {
    const char* type;
    const char* method;
    double expandKeys;
    double expandValues;
    bool conv;
};

/// Mixers of fla-hub models: heads, and how much wider than the model their keys and values are.
std::optional<RecurrentShape> flaMixer(StackFields& fields, Index hidden)
{
    static constexpr FlaMixer known[] = {{"gla", "gla", 0.5, 1.0, false},
                                         {"retnet", "retention", 1.0, 2.0, false},
                                         {"delta_net", "deltanet", 1.0, 1.0, true},
                                         {"gated_deltanet", "gated-deltanet", 0.75, 1.5, true},
                                         {"gated_delta_net", "gated-deltanet", 0.75, 1.5, true},
                                         {"linear_attn", "linear", 1.0, 1.0, false},
                                         {"kda", "kda", 1.0, 1.0, true},
                                         {"hgrn2", "hgrn2", 1.0, 1.0, false}};
    const auto at = std::find_if(std::begin(known), std::end(known), [&](const FlaMixer& m) { return fields.modelType == m.type; });
    if (at == std::end(known))
        return std::nullopt;
    RecurrentShape r{.method = at->method};
    const Index ratio = fields.either({"expand_ratio"}, 128, MaxHeadDim);
    r.heads = r.method == "hgrn2" && !fields.has("num_heads") ? evenWidth(fields, hidden, ratio) : fields.required({"num_heads"}, MaxHeads);
    const double perHead = static_cast<double>(hidden) / static_cast<double>(r.heads);
    const bool byHeadDim = fields.has("head_dim") && (r.method == "gated-deltanet" || r.method == "kda");
    r.keyDim = byHeadDim ? fields.size("head_dim", MaxHeadDim) : static_cast<Index>(fields.ratio({"expand_k"}, at->expandKeys) * perHead);
    const double values = fields.ratio({"expand_v"}, byHeadDim ? at->expandValues / at->expandKeys : at->expandValues);
    r.valueDim = static_cast<Index>(values * (byHeadDim ? static_cast<double>(r.keyDim) : perHead));
    if (r.method == "hgrn2")
        r.keyDim = ratio;
    if (r.keyDim < 1 || r.valueDim < 1)
        fields.fail(Errc::InvalidParam, fields.origin() + ": \"num_heads\" leaves no width for a head.", kTakeOriginalConfig);
    if (at->conv && (!fields.has("use_short_conv") || fields.flag("use_short_conv", true)))
        setConv(fields, r, {"conv_size"}, r.heads * (2 * r.keyDim + r.valueDim), 4);
    return r;
}

/// state-spaces' own configs name the mixer in ssm_cfg.layer.
RecurrentShape fromSsmCfg(StackFields& fields, Index hidden)
{
    StackFields inner(fields.json().at("ssm_cfg"), fields.origin() + ", ssm_cfg");
    const std::string layer = inner.text("layer", "Mamba1");
    if (layer != "Mamba1" && layer != "Mamba2" && layer != "Mamba3")
        fields.fail(Errc::Unsupported, inner.origin() + ": \"layer\" is \"" + layer.substr(0, 40) + "\", which Attnscope does not know.",
                    "Known are Mamba1, Mamba2 and Mamba3.");
    auto r = layer == "Mamba3" ? mamba3(inner, hidden) : layer == "Mamba2" ? mamba2(inner, hidden) : mamba1(inner, hidden);
    if (inner.error())
        fields.fail(inner.error()->code, inner.error()->what, inner.error()->hint);
    return r;
}

bool isOneOf(const std::string& type, std::initializer_list<const char*> names)
{
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return type == name; });
}

FfnShape moe(StackFields& fields, Index experts, bool gated)
{
    FfnShape ffn{FfnKind::Moe, 0, gated, experts, 0, 0};
    ffn.active = fields.required({"num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk", "num_selected_experts"});
    ffn.width = fields.required({"moe_intermediate_size", "intermediate_size"});
    if (ffn.active > experts)
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": " + std::to_string(ffn.active) + " experts a token are more than the " + std::to_string(experts) +
                        " there are.",
                    kTakeOriginalConfig);
    const char* width =
        fields.firstOf({"shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "shared_intermediate_size"});
    ffn.sharedWidth = width ? fields.count({width}) : ffn.width * fields.count({"n_shared_experts", "num_shared_experts"});
    return ffn;
}

/// Whether the feed-forward part of a layer is a mixture, by the keys that spread them over the layers.
bool isMixture(StackFields& fields, Index index)
{
    if (fields.has("expert_layer_period"))
        return index % fields.size("expert_layer_period", StackFields::MaxSize) == fields.count({"expert_layer_offset"});
    if (const auto words = fields.texts("mlp_layer_types"); index < static_cast<Index>(words.size()))
        return words[static_cast<std::size_t>(index)] != "dense";
    if (index < fields.count({"first_k_dense_replace"}))
        return false;
    if (fields.has("moe_layer_freq") && fields.json().at("moe_layer_freq").is_array()) {
        const auto flags = fields.indices("moe_layer_freq");
        return index < static_cast<Index>(flags.size()) && flags[static_cast<std::size_t>(index)] != 0;
    }
    const auto dense = fields.indices("mlp_only_layers");
    if (std::find(dense.begin(), dense.end(), index) != dense.end())
        return false;
    const Index step = fields.either({"decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq"}, 1);
    return fields.has("decoder_sparse_step") || fields.has("interleave_moe_layer_step") ? (index + 1) % step == 0 : index % step == 0;
}

/// Families whose feed-forward part multiplies two matrices, not three.
bool isUngated(const std::string& type)
{
    return isOneOf(type, {"gpt2", "nemotron_h", "nemotron", "bert", "roberta", "gpt_neox", "gpt_neo", "gptj", "opt", "phi", "falcon",
                          "bloom", "mpt", "starcoder2", "gpt_bigcode"}) ||
           type.starts_with("rwkv");
}

Index denseWidth(StackFields& fields, Index hidden)
{
    const auto& type = fields.modelType;
    if (isOneOf(type, {"gpt2", "gptj", "gpt_neo", "bloom", "falcon", "mpt"}))
        return fields.either({"n_inner", "intermediate_size", "ffn_hidden_size"}, 4 * hidden);
    if (type.starts_with("rwkv"))
        return fields.either({"intermediate_size"}, type == "rwkv7" || type == "rwkv" ? 4 * hidden : (7 * hidden / 2 + 31) / 32 * 32);
    if (type == "recurrent_gemma") // states both halves of the gated product together
        return std::max<Index>(1, fields.required({"intermediate_size"}) / 2);
    if (type == "granitemoehybrid")
        return fields.required({"shared_intermediate_size", "intermediate_size"});
    if (isRecurrentType(type) && !fields.has("intermediate_size")) // fla: two thirds of hidden_ratio, rounded up to 256
        return (static_cast<Index>(static_cast<double>(hidden) * fields.ratio({"hidden_ratio"}, 4.0) * 2.0 / 3.0) + 255) / 256 * 256;
    return fields.required({"intermediate_size", "ffn_dim", "ffn_hidden_size"});
}

} // namespace

AttentionShape readAttention(StackFields& fields, Index hidden)
{
    AttentionShape a;
    a.inputDim = fields.modelType == "zamba2" || fields.modelType == "zamba" ? 2 * hidden : hidden;
    a.window = fields.either({"attention_window_size", "sliding_window", "attention_chunk_size"}, 0, Index{1} << 30);
    if (fields.has("attn") && !fields.firstOf({"num_attention_heads"}))
        readAttnObject(fields, a, hidden);
    else if (fields.has("attn_cfg") && fields.json().at("attn_cfg").is_object() && !fields.json().at("attn_cfg").empty())
        readAttnCfg(fields, a, hidden);
    else {
        a.heads = fields.required({"num_attention_heads", "n_head", "n_heads", "num_heads"}, MaxHeads);
        a.kvHeads = statedKvHeads(fields, a.heads);
        const char* width = fields.firstOf({"attention_head_dim", "head_dim"});
        a.headDim = width ? fields.size(width, MaxHeadDim) : fields.has("kv_lora_rank") ? 1 : evenWidth(fields, a.inputDim, a.heads);
        readLatent(fields, a);
    }
    a.outputGate = isOneOf(fields.modelType, {"qwen3_next", "qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text"});
    if (a.kvHeads > a.heads || a.heads % std::max<Index>(a.kvHeads, 1) != 0)
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": " + std::to_string(a.kvHeads) + " key heads do not divide the " + std::to_string(a.heads) +
                        " query heads.",
                    kTakeOriginalConfig);
    return a;
}

RecurrentShape readRecurrent(StackFields& fields, Index hidden)
{
    const auto& type = fields.modelType;
    if (fields.has("ssm_cfg") && fields.json().at("ssm_cfg").is_object())
        return fromSsmCfg(fields, hidden);
    if (fields.has("linear_num_value_heads"))
        return gatedDeltaNet(fields);
    if (fields.has("linear_attn_config"))
        return kimiDelta(fields);
    if (type.starts_with("minimax") || type == "lightning_attn")
        return lightning(fields, hidden);
    if (type == "recurrent_gemma" || fields.has("lru_width"))
        return rgLru(fields, hidden);
    if (type.starts_with("rwkv"))
        return rwkv(fields, hidden);
    if (type == "mamba3")
        return mamba3(fields, hidden);
    if (auto found = flaMixer(fields, hidden))
        return *found;
    if (isOneOf(type, {"jamba", "zamba", "mamba", "falcon_mamba", "samba"}))
        return mamba1(fields, hidden);
    const bool heads = fields.firstOf({"mamba_num_heads", "mamba_n_heads", "n_mamba_heads"});
    if (heads || isOneOf(type, {"mamba2", "zamba2", "nemotron_h", "bamba", "granitemoehybrid", "falcon_h1"}))
        return mamba2(fields, hidden);
    if (fields.has("mamba_d_state"))
        return mamba1(fields, hidden);
    fields.fail(Errc::Unsupported,
                fields.origin() + " names recurrent layers, but which mixer they hold is not known for \"model_type\" \"" +
                    type.substr(0, 40) + "\".",
                "Known are Mamba 1 to 3, RWKV, RG-LRU, lightning attention, gated DeltaNet, KDA and fla's mixers.");
    return {};
}

RecurrentShape readConv(StackFields& fields, Index hidden)
{
    RecurrentShape r{.method = "conv"};
    setConv(fields, r, {"conv_L_cache"}, fields.either({"conv_dim"}, hidden), 3);
    return r;
}

FfnShape readFfn(StackFields& fields, const LayerKind& kind, Index index, Index hidden)
{
    const auto& type = fields.modelType;
    if (kind.ffn == FfnRule::None)
        return {};
    const bool gated = !isUngated(type);
    const Index experts = fields.count({"num_experts", "num_local_experts", "n_routed_experts"});
    const bool mixture = kind.ffn == FfnRule::Moe || (kind.ffn == FfnRule::ByConfig && experts > 1 && isMixture(fields, index));
    if (mixture)
        return moe(fields, experts, gated);
    if (isOneOf(type, {"mamba", "mamba2", "falcon_mamba"})) // whose intermediate_size is the mixer's own
        return {};
    if (type == "mamba3" || fields.has("ssm_cfg")) {
        const Index width = fields.count({"d_intermediate"});
        return width > 0 ? FfnShape{FfnKind::Dense, width, true, 0, 0, 0} : FfnShape{};
    }
    if ((type == "zamba2" || type == "zamba") && kind.attention == AttentionKind::None)
        return {};
    return {FfnKind::Dense, denseWidth(fields, hidden), gated, 0, 0, 0};
}

} // namespace attnscope
