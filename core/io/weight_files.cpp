// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/weight_files.h"

#include "core/io/file_error.h"

#include <nlohmann/json.hpp>

#include <cerrno>

namespace attnscope {

namespace {

constexpr const char* singleName = "model.safetensors";
constexpr const char* indexName = "model.safetensors.index.json";
constexpr std::uintmax_t mostIndexBytes = 100'000'000;

using TensorToShard = std::map<std::string, std::string>;

/// The weight_map of the index: tensor name -> file name in the same folder.
Result<TensorToShard> readIndex(const std::filesystem::path& path)
{
    const auto mapped = MappedFile::open(path);
    if (!mapped)
        return mapped.error();
    const char* hint = "Download the index again from where the model comes from.";
    const auto bytes = mapped->bytes();
    if (bytes.size() > mostIndexBytes)
        return parseError(path, "is larger than 100 MB", hint);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    const auto json = nlohmann::json::parse(text, text + bytes.size(), nullptr, false);
    if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
        return parseError(path, "is no index of weights: it has no \"weight_map\"", hint);
    TensorToShard shards;
    for (const auto& [tensor, shard] : json["weight_map"].items()) {
        if (!shard.is_string())
            return parseError(path, "names no file for the tensor \"" + tensor + "\"", hint);
        const std::filesystem::path name = shard.get<std::string>();
        if (name.empty() || name != name.filename() || name == "." || name == "..")
            return parseError(path, "names a shard outside its folder: " + quoted(name), "Don't trust this file.");
        shards[tensor] = name.string();
    }
    return shards;
}

} // namespace

Result<std::shared_ptr<const WeightFiles>> WeightFiles::open(const std::filesystem::path& folder)
{
    std::shared_ptr<WeightFiles> weights(new WeightFiles(folder));
    std::error_code ignored;
    if (std::filesystem::exists(folder / singleName, ignored)) {
        auto file = SafetensorsFile::open(folder / singleName);
        if (!file)
            return file.error();
        for (const auto& array : (*file)->arrays())
            weights->m_where[array.name] = *file;
        weights->m_files = {*file};
        return std::shared_ptr<const WeightFiles>(std::move(weights));
    }
    if (!std::filesystem::exists(folder / indexName, ignored))
        return Error{Errc::Io, "The folder " + quoted(folder) + " has no " + singleName + " and no " + indexName + ".",
                     "Choose the folder of a Hugging Face model with safetensors weights."};
    const auto shards = readIndex(folder / indexName);
    if (!shards)
        return shards.error();
    std::map<std::string, std::shared_ptr<const SafetensorsFile>> opened;
    for (const auto& [tensor, shard] : *shards) {
        if (!opened.contains(shard)) {
            auto file = SafetensorsFile::open(folder / shard);
            if (!file)
                return file.error();
            opened[shard] = *file;
            weights->m_files.push_back(*file);
        }
        if (!opened[shard]->contains(tensor))
            return parseError(folder / shard, "lacks the tensor \"" + tensor + "\" that the index expects there",
                              "Download all files of the model again, from one place.");
        weights->m_where[tensor] = opened[shard];
    }
    return std::shared_ptr<const WeightFiles>(std::move(weights));
}

Result<RawTensor> WeightFiles::raw(const std::string& name) const
{
    const auto found = m_where.find(name);
    if (found == m_where.end())
        return Error{Errc::Parse, "The weights in " + quoted(m_folder) + " lack the tensor \"" + name + "\".",
                     "Check that config.json and the weights belong to the same model."};
    return found->second->raw(name);
}

Result<void> WeightFiles::checkWhole() const
{
    for (const auto& file : m_files)
        if (auto whole = file->checkWhole(); !whole)
            return whole;
    return {};
}

std::vector<std::string> WeightFiles::names() const
{
    std::vector<std::string> all;
    for (const auto& [name, file] : m_where)
        all.push_back(name);
    return all;
}

} // namespace attnscope
