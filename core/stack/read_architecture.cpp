// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/read_architecture.h"

#include "core/io/file_error.h"
#include "core/stack/layer_shapes.h"
#include "core/stack/stack_file.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace attnscope {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t MaxConfigBytes = std::uintmax_t{16} << 20;

/// The object that describes the stack: the config itself, or the language part of a model with several.
const nlohmann::json& unwrapped(const nlohmann::json& object)
{
    for (const char* key : {"num_hidden_layers", "n_layer", "n_layers", "num_layers", "hybrid_override_pattern"})
        if (object.contains(key))
            return object;
    for (const char* key : {"text_config", "llm_config", "language_config", "config"}) // the last in resources/architectures
        if (object.contains(key) && object.at(key).is_object())
            return object.at(key);
    return object;
}

/// tie_word_embeddings where the file leaves it out: what the family's own config class then takes.
bool tiesByDefault(const std::string& type)
{
    static const std::set<std::string> known{"gpt2",  "gemma",        "gemma2", "gemma3_text", "recurrent_gemma",
                                             "mamba", "falcon_mamba", "zamba",  "zamba2",      "cohere"};
    return known.contains(type);
}

void readDtype(StackFields& fields, Architecture& a)
{
    static const std::map<std::string, std::pair<const char*, Index>> known{
        {"bfloat16", {"bf16", 2}},     {"float16", {"f16", 2}},       {"half", {"f16", 2}},
        {"float32", {"f32", 4}},       {"float", {"f32", 4}},         {"torch.bfloat16", {"bf16", 2}},
        {"torch.float16", {"f16", 2}}, {"torch.float32", {"f32", 4}}, {"auto", {"bf16", 2}}};
    const char* key = fields.firstOf({"torch_dtype", "dtype"});
    const std::string name = key ? fields.text(key, "bfloat16") : "bfloat16";
    const auto at = known.find(name);
    if (at == known.end()) {
        fields.fail(Errc::Unsupported,
                    fields.origin() + ": \"" + (key ? key : "dtype") + "\" is \"" + name.substr(0, 40) +
                        "\", which Attnscope does not know.",
                    "Known are bfloat16, float16 and float32.");
        return;
    }
    a.dtype = at->second.first;
    a.elementBytes = at->second.second;
}

/// Zamba: one transformer block (or two in turn) serves all hybrid layers.
void shareBlocks(StackFields& fields, Architecture& a)
{
    if (a.modelType != "zamba" && a.modelType != "zamba2")
        return;
    const Index blocks = fields.either({"num_mem_blocks"}, 1, 4096);
    std::vector<Index> first;
    Index seen = 0;
    for (std::size_t i = 0; i < a.layers.size(); ++i) {
        if (a.layers[i].attention.kind == AttentionKind::None)
            continue;
        a.layers[i].joinDim = a.hidden;
        const auto block = static_cast<std::size_t>(seen++ % blocks);
        if (block < first.size())
            a.layers[i].sharedWith = first[block];
        else
            first.push_back(static_cast<Index>(i));
    }
}

void addLayers(StackFields& fields, const LayerPlan& plan, Architecture& a)
{
    AttentionShape attention;
    std::optional<RecurrentShape> recurrent;
    std::optional<RecurrentShape> conv;
    for (const auto& kind : plan.layers) {
        if (kind.attention != AttentionKind::None && attention.heads == 0)
            attention = readAttention(fields, a.hidden);
        if (kind.recurrent && !recurrent)
            recurrent = readRecurrent(fields, a.hidden);
        if (kind.conv && !conv)
            conv = readConv(fields, a.hidden);
        if (fields.error())
            return;
        StackLayer layer;
        if (kind.attention != AttentionKind::None) {
            layer.attention = attention;
            layer.attention.kind = kind.attention;
            if (kind.attention == AttentionKind::Full)
                layer.attention.window = 0;
            else if (attention.window == 0)
                fields.fail(Errc::Parse,
                            fields.origin() + ": \"" + plan.decidedBy + "\" names windowed layers, but there is no \"sliding_window\".",
                            kTakeOriginalConfig);
        }
        if (kind.recurrent || kind.conv)
            layer.recurrent = kind.conv ? conv : recurrent;
        layer.ffn = readFfn(fields, kind, static_cast<Index>(a.layers.size()), a.hidden);
        a.layers.push_back(std::move(layer));
    }
}

Result<Architecture> readStack(const nlohmann::json& object, const std::string& origin, const std::string& name)
{
    StackFields fields(object, origin);
    fields.modelType = fields.text("model_type", {});
    Architecture a;
    a.modelType = fields.modelType;
    a.name = name;
    a.hidden = fields.required({"hidden_size", "n_embd", "d_model", "model_dim"}, Index{1} << 17);
    a.vocabulary = fields.count({"vocab_size"});
    const char* tie = fields.firstOf({"tie_word_embeddings", "tie_embeddings"});
    a.tiedEmbeddings = tie ? fields.flag(tie, false) : tiesByDefault(a.modelType);
    a.context = fields.count({"max_position_embeddings", "n_positions", "model_max_length", "seq_length"});
    a.positions = a.modelType == "gpt2" ? a.context : 0;
    readDtype(fields, a);
    if (!fields.error()) {
        const LayerPlan plan = planLayers(fields);
        a.decidedBy = plan.decidedBy;
        if (!fields.error())
            addLayers(fields, plan, a);
        shareBlocks(fields, a);
    }
    if (fields.error())
        return *fields.error();
    return a;
}

} // namespace

Result<Architecture> parseArchitecture(std::string_view json, const std::string& origin, const std::string& name)
{
    const auto object = nlohmann::json::parse(json, nullptr, false);
    if (object.is_discarded() || !object.is_object())
        return Error{Errc::Parse, origin + " is not a JSON object.", kTakeOriginalConfig};
    return isStackFile(object) ? readStackFile(object, origin, name) : readStack(unwrapped(object), origin, name);
}

Result<Architecture> readArchitecture(const fs::path& given)
{
    std::error_code failed;
    const fs::path path = fs::is_directory(given, failed) ? given / "config.json" : given;
    if (!fs::is_regular_file(path, failed))
        return fs::exists(path, failed) ? parseError(path, "is no regular file", kTakeOriginalConfig) : readError(path, ENOENT);
    if (fs::file_size(path, failed) > MaxConfigBytes)
        return parseError(path, "is too large for a model's config: more than 16 MiB", kTakeOriginalConfig);
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file)
        return readError(path, errno == 0 ? EIO : errno);
    const auto folder = fs::absolute(path, failed).parent_path().filename().string();
    return parseArchitecture(text, quoted(path), path.filename() == "config.json" && !folder.empty() ? folder : path.stem().string());
}

} // namespace attnscope
