// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_file.h"

#include "core/io/atomic_file.h"
#include "core/stack/stack_design.h"
#include "core/stack/stack_fields.h"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace attnscope {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kMark = "attnscope_stack";
constexpr Index MaxLayers = 4096;

template <class Owner>
using SizeField = std::pair<const char*, Index Owner::*>;

// One list a part, for writing and reading alike; sizes of 0 are left out.
constexpr std::array<SizeField<AttentionShape>, 5> attentionSizes{{{"heads", &AttentionShape::heads},
                                                                   {"kv_heads", &AttentionShape::kvHeads},
                                                                   {"head_dim", &AttentionShape::headDim},
                                                                   {"input_dim", &AttentionShape::inputDim},
                                                                   {"window", &AttentionShape::window}}};
constexpr std::array<SizeField<LatentShape>, 5> latentSizes{{{"latent", &LatentShape::latent},
                                                             {"rope_dim", &LatentShape::ropeDim},
                                                             {"nope_dim", &LatentShape::nopeDim},
                                                             {"value_dim", &LatentShape::valueDim},
                                                             {"query_latent", &LatentShape::queryLatent}}};
constexpr std::array<SizeField<RecurrentShape>, 12> recurrentSizes{{{"heads", &RecurrentShape::heads},
                                                                    {"key_heads", &RecurrentShape::keyHeads},
                                                                    {"key_dim", &RecurrentShape::keyDim},
                                                                    {"value_dim", &RecurrentShape::valueDim},
                                                                    {"groups", &RecurrentShape::groups},
                                                                    {"rank", &RecurrentShape::rank},
                                                                    {"step_rank", &RecurrentShape::stepRank},
                                                                    {"gate_blocks", &RecurrentShape::gateBlocks},
                                                                    {"conv_channels", &RecurrentShape::convChannels},
                                                                    {"conv_taps", &RecurrentShape::convTaps},
                                                                    {"extra_floats", &RecurrentShape::extraFloats},
                                                                    {"extra_elements", &RecurrentShape::extraElements}}};
constexpr std::array<SizeField<FfnShape>, 4> ffnSizes{{{"width", &FfnShape::width},
                                                       {"experts", &FfnShape::experts},
                                                       {"active", &FfnShape::active},
                                                       {"shared_width", &FfnShape::sharedWidth}}};

template <class Owner, std::size_t N>
void writeSizes(Json& json, const Owner& owner, const std::array<SizeField<Owner>, N>& sizes)
{
    for (const auto& [key, field] : sizes)
        if (owner.*field != 0)
            json[key] = owner.*field;
}

template <class Owner, std::size_t N>
void readSizes(StackFields& fields, Owner& owner, const std::array<SizeField<Owner>, N>& sizes)
{
    for (const auto& [key, field] : sizes)
        owner.*field = fields.count({key});
}

const char* kindName(AttentionKind kind)
{
    return kind == AttentionKind::Full ? "full" : kind == AttentionKind::Sliding ? "sliding" : "chunked";
}

Json layerJson(const StackLayer& layer)
{
    Json json = Json::object();
    if (layer.attention.kind != AttentionKind::None) {
        Json attention{{"kind", kindName(layer.attention.kind)}};
        writeSizes(attention, layer.attention, attentionSizes);
        if (layer.attention.outputGate)
            attention["output_gate"] = true;
        if (layer.attention.latent) {
            attention["latent"] = Json::object();
            writeSizes(attention["latent"], *layer.attention.latent, latentSizes);
        }
        json["attention"] = std::move(attention);
    }
    if (layer.recurrent) {
        json["recurrent"] = {{"method", layer.recurrent->method}};
        writeSizes(json["recurrent"], *layer.recurrent, recurrentSizes);
    }
    if (layer.ffn.kind != FfnKind::None) {
        json["ffn"] = {{"kind", layer.ffn.kind == FfnKind::Moe ? "moe" : "dense"}, {"gated", layer.ffn.gated}};
        writeSizes(json["ffn"], layer.ffn, ffnSizes);
    }
    if (layer.joinDim > 0)
        json["join_dim"] = layer.joinDim;
    if (layer.sharedWith)
        json["shared_with"] = *layer.sharedWith;
    return json;
}

/// A part of a layer: `read` gets its fields; what is wrong with them becomes the layer's error.
template <class Read>
void readPart(StackFields& layer, const char* key, Read read)
{
    const auto* object = layer.object(key);
    if (!object)
        return;
    StackFields fields(*object, layer.origin() + ", " + key);
    read(fields);
    if (fields.error())
        layer.fail(fields.error()->code, fields.error()->what, fields.error()->hint);
}

void refuse(StackFields& fields, const char* key, const std::string& what)
{
    fields.fail(Errc::InvalidParam, fields.origin() + ": \"" + key + "\" " + what + ".", "Write the stack again from the designer.");
}

void readAttention(StackFields& fields, AttentionShape& a)
{
    const auto kind = fields.text("kind", {});
    a.kind = kind == "sliding" ? AttentionKind::Sliding : kind == "chunked" ? AttentionKind::Chunked : AttentionKind::Full;
    if (kind != "full" && kind != "sliding" && kind != "chunked")
        refuse(fields, "kind", "is neither full, sliding nor chunked");
    readSizes(fields, a, attentionSizes);
    a.outputGate = fields.flag("output_gate", false);
    readPart(fields, "latent", [&](StackFields& inner) { readSizes(inner, a.latent.emplace(), latentSizes); });
    if (a.heads < 1 || a.kvHeads < 1 || a.headDim < 1 || a.inputDim < 1)
        refuse(fields, "heads", "and the sizes beside it must be at least 1");
    else if (a.heads % a.kvHeads != 0)
        refuse(fields, "kv_heads", "does not divide \"heads\"");
    if (a.kind != AttentionKind::Full && a.window < 1)
        refuse(fields, "window", "is missing");
}

void readRecurrent(StackFields& fields, RecurrentShape& r)
{
    r.method = fields.text("method", {});
    readSizes(fields, r, recurrentSizes);
    if (r.method.empty() || r.method.size() > 40)
        refuse(fields, "method", "is missing");
    if (r.method != "conv" && (r.heads < 1 || r.keyDim < 1 || r.valueDim < 1))
        refuse(fields, "heads", "and the sizes beside it must be at least 1");
    if (r.groups < 1 || r.rank < 1 || r.gateBlocks < 1)
        refuse(fields, "groups", "and the counts beside it must be at least 1");
}

void readFfn(StackFields& fields, FfnShape& ffn)
{
    const auto kind = fields.text("kind", {});
    ffn.kind = kind == "moe" ? FfnKind::Moe : FfnKind::Dense;
    if (kind != "moe" && kind != "dense")
        refuse(fields, "kind", "is neither dense nor moe");
    ffn.gated = fields.flag("gated", true);
    readSizes(fields, ffn, ffnSizes);
    if (ffn.width < 1)
        refuse(fields, "width", "must be at least 1");
    if (ffn.kind == FfnKind::Moe && (ffn.active < 1 || ffn.active > ffn.experts))
        refuse(fields, "active", "must be 1 to the number of experts");
}

StackLayer readLayer(const nlohmann::json& object, StackFields& stack, Index index)
{
    StackLayer layer;
    StackFields fields(object, stack.origin() + ", layer " + std::to_string(index));
    readPart(fields, "attention", [&](StackFields& part) { readAttention(part, layer.attention); });
    readPart(fields, "recurrent", [&](StackFields& part) { readRecurrent(part, layer.recurrent.emplace()); });
    readPart(fields, "ffn", [&](StackFields& part) { readFfn(part, layer.ffn); });
    layer.joinDim = fields.count({"join_dim"});
    if (fields.has("shared_with")) {
        layer.sharedWith = fields.count({"shared_with"});
        if (*layer.sharedWith >= index)
            refuse(fields, "shared_with", "is not an earlier layer");
    }
    if (fields.error())
        stack.fail(fields.error()->code, fields.error()->what, fields.error()->hint);
    return layer;
}

void readLayers(const nlohmann::json& object, StackFields& fields, Architecture& a)
{
    const auto list = object.find("layers");
    if (list == object.end() || !list->is_array() || list->empty() || list->size() > static_cast<std::size_t>(MaxLayers)) {
        refuse(fields, "layers", "is not a list of 1 to 4096 layers");
        return;
    }
    for (const auto& entry : *list) {
        if (!entry.is_object())
            refuse(fields, "layers", "holds something that is no layer");
        if (fields.error())
            return;
        a.layers.push_back(readLayer(entry, fields, static_cast<Index>(a.layers.size())));
    }
}

} // namespace

bool isStackFile(const nlohmann::json& object) { return object.is_object() && object.contains(kMark); }

std::string writeStack(const Architecture& a)
{
    Json json{{kMark, 1}, {"name", a.name}, {"model_type", a.modelType}, {"hidden_size", a.hidden}, {"vocab_size", a.vocabulary}};
    json["tie_word_embeddings"] = a.tiedEmbeddings;
    json["learned_positions"] = a.positions;
    json["max_position_embeddings"] = a.context;
    json["dtype"] = a.dtype;
    json["layers"] = Json::array();
    for (const auto& layer : a.layers)
        json["layers"].push_back(layerJson(layer));
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> saveStack(const Architecture& architecture, const std::filesystem::path& path)
{
    return writeAtomically(path, writeStack(architecture));
}

Result<Architecture> readStackFile(const nlohmann::json& object, const std::string& origin, const std::string& name)
{
    StackFields fields(object, origin);
    if (fields.size(kMark, 1'000'000) > 1)
        fields.fail(Errc::Unsupported, origin + ": \"attnscope_stack\" is of a later version.", "Open it with a newer Attnscope.");
    Architecture a;
    a.name = fields.text("name", name);
    a.modelType = fields.text("model_type", {});
    a.decidedBy = kDesigned;
    a.hidden = fields.size("hidden_size", StackFields::MaxSize);
    a.vocabulary = fields.count({"vocab_size"});
    a.tiedEmbeddings = fields.flag("tie_word_embeddings", false);
    a.positions = fields.count({"learned_positions"});
    a.context = fields.count({"max_position_embeddings"});
    a.dtype = fields.text("dtype", "bf16");
    if (a.dtype != "bf16" && a.dtype != "f16" && a.dtype != "f32")
        refuse(fields, "dtype", "is neither bf16, f16 nor f32");
    a.elementBytes = a.dtype == "f32" ? 4 : 2;
    readLayers(object, fields, a);
    if (fields.error())
        return *fields.error();
    return a;
}

} // namespace attnscope
