// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/array_set.h"

#include "core/io/file_error.h"
#include "core/method/extra_arrays.h"

#include <array>
#include <charconv>

namespace attnscope {

namespace {

using Names = std::array<std::string, 3>;

std::optional<std::size_t> positionOf(const ArrayFile& file, const std::string& name)
{
    const auto* found = file.find(name);
    return found == nullptr ? std::nullopt : std::optional<std::size_t>(found - file.arrays().data());
}

std::string listed(const ArrayFile& file)
{
    constexpr std::size_t most = 12;
    std::string text;
    for (std::size_t i = 0; i < file.arrays().size() && i < most; ++i)
        text += (i > 0 ? ", " : "") + file.arrays()[i].name;
    if (file.arrays().size() > most)
        text += " and " + std::to_string(file.arrays().size() - most) + " more";
    return text.empty() ? "none" : text;
}

std::optional<LayerArrays> triple(const ArrayFile& file, const Names& names)
{
    LayerArrays found;
    std::size_t* const places[] = {&found.q, &found.k, &found.v};
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto at = positionOf(file, names[i]);
        if (!at)
            return std::nullopt;
        *places[i] = *at;
    }
    return found;
}

/// L of "layers.L.q".
std::optional<Index> layerNumber(std::string_view name)
{
    constexpr std::string_view prefix = "layers.";
    constexpr std::string_view suffix = ".q";
    if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() <= prefix.size() + suffix.size())
        return std::nullopt;
    name = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    Index number = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (failure != std::errc{} || end != name.data() + name.size() || number < 0)
        return std::nullopt;
    return number;
}

/// "layers.3.q" -> "layers.3.scale" and "layers.3.mask"
void nameKeys(const std::string& queryName, LayerArrays& layer)
{
    const std::string stem = queryName.substr(0, queryName.size() - 1);
    layer.scaleKey = stem + "scale";
    layer.maskKey = stem + "mask";
}

Error missing(const std::filesystem::path& path, const ArrayFile& file, const std::string& what)
{
    return {Errc::Parse, "The file " + quoted(path) + " has no " + what + "; its arrays are: " + listed(file) + ".",
            "Name the arrays that hold the queries, keys and values."};
}

Result<std::vector<LayerArrays>> numberedLayers(const std::filesystem::path& path, const ArrayFile& file)
{
    std::map<Index, LayerArrays> layers;
    for (const auto& array : file.arrays()) {
        const auto number = layerNumber(array.name);
        if (!number)
            continue;
        const std::string stem = array.name.substr(0, array.name.size() - 1);
        auto found = triple(file, {stem + "q", stem + "k", stem + "v"});
        if (!found)
            return missing(path, file, (positionOf(file, stem + "k") ? stem + "v" : stem + "k") + " beside " + array.name);
        found->name = "layer " + std::to_string(*number);
        nameKeys(array.name, *found);
        layers[*number] = *found;
    }
    std::vector<LayerArrays> sorted;
    sorted.reserve(layers.size());
    for (auto& [number, layer] : layers)
        sorted.push_back(std::move(layer));
    return sorted;
}

/// One name given: all three are as given, k and v by default "k" and "v".
Result<std::vector<LayerArrays>> namedLayer(const std::filesystem::path& path, const ArrayFile& file, const TensorOptions& options)
{
    const Names names{options.q.empty() ? "q" : options.q, options.k.empty() ? "k" : options.k, options.v.empty() ? "v" : options.v};
    for (const auto& name : names)
        if (!positionOf(file, name))
            return missing(path, file, "array \"" + name + "\"");
    auto layer = *triple(file, names);
    if (layerNumber(names[0]))
        nameKeys(names[0], layer);
    return std::vector<LayerArrays>{std::move(layer)};
}

Result<std::vector<LayerArrays>> findLayers(const std::filesystem::path& path, const ArrayFile& file, const TensorOptions& options)
{
    if (!options.q.empty() || !options.k.empty() || !options.v.empty())
        return namedLayer(path, file, options);
    static const std::array<Names, 5> usual{Names{"q", "k", "v"}, Names{"Q", "K", "V"}, Names{"query", "key", "value"},
                                            Names{"queries", "keys", "values"}, Names{"arr_0", "arr_1", "arr_2"}};
    for (const auto& names : usual)
        if (const auto found = triple(file, names))
            return std::vector<LayerArrays>{*found};
    auto layers = numberedLayers(path, file);
    if (layers && layers->empty())
        return missing(path, file,
                       positionOf(file, "q") ? std::string("array \"") + (positionOf(file, "k") ? "v\"" : "k\"") : "array \"q\"");
    return layers;
}

/// "layers.L.g" of this layer, else "g" for all; what was chosen as q, k or v stays that.
void findExtra(const ArrayFile& file, LayerArrays& layer)
{
    const std::string& q = file.arrays()[layer.q].name;
    const std::string stem = layerNumber(q) ? q.substr(0, q.size() - 1) : "";
    for (const auto& known : knownArrays()) {
        const std::string name(known.name);
        const auto own = positionOf(file, stem + name);
        const auto at = own ? own : positionOf(file, name);
        if (at && *at != layer.q && *at != layer.k && *at != layer.v)
            layer.extra.emplace(name, *at);
    }
}

} // namespace

Result<ArraySet> findArrays(const std::filesystem::path& path, const TensorOptions& options)
{
    const auto kind = fileKind(path);
    if (!kind)
        return kind.error();
    auto file = *kind == FileKind::Npy ? openNpyTriple(path) : openArrays(path);
    if (!file)
        return file.error();
    auto layers = findLayers(path, **file, *kind == FileKind::Npy ? TensorOptions{} : options);
    if (!layers)
        return layers.error();
    for (auto& layer : *layers)
        findExtra(**file, layer);
    return ArraySet{std::move(*file), std::move(*layers)};
}

} // namespace attnscope
