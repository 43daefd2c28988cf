// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/capture_file.h"

#include "core/inputs/tensor_metadata.h"
#include "core/io/safetensors.h"

#include <algorithm>
#include <numeric>

namespace attnscope {

namespace {

using Layers = std::vector<std::shared_ptr<const LayerInputs>>;

Result<std::vector<Index>> chosen(const DocumentInfo& info, std::vector<Index> layers)
{
    const auto count = static_cast<Index>(info.layerNames.size());
    if (layers.empty()) {
        layers.resize(info.layerNames.size());
        std::iota(layers.begin(), layers.end(), Index{0});
    }
    std::sort(layers.begin(), layers.end());
    layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
    for (const Index layer : layers)
        if (layer < 0 || layer >= count)
            return Error{Errc::InvalidParam, "There is no layer " + std::to_string(layer) + ".",
                         "Layers are counted from 0 to " + std::to_string(count - 1) + "."};
    return layers;
}

/// "layer 3" -> "3".
std::string numberOf(const DocumentInfo& info, Index layer)
{
    const auto& name = info.layerNames[static_cast<std::size_t>(layer)];
    const auto digits = name.find_last_not_of("0123456789") + 1; // npos + 1 is 0
    return digits < name.size() ? name.substr(digits) : std::to_string(layer);
}

void addArray(std::vector<NamedArray>& arrays, const std::string& name, const Tensor& tensor)
{
    std::vector<Index> shape(tensor.shape().begin() + (tensor.batch() == 1 ? 1 : 0), tensor.shape().end());
    arrays.push_back({name, std::move(shape), tensor.values()});
}

/// One head of a layer as [1, N, D]; its rows lie one after the other.
void addHead(std::vector<NamedArray>& arrays, const std::string& stem, const Inputs& head)
{
    for (const auto& [name, view] : {std::pair{"q", head.q}, {"k", head.k}, {"v", head.v}})
        arrays.push_back({stem + name, {1, view.rows(), view.cols()}, {view.data, static_cast<std::size_t>(view.size())}});
    for (const auto& [name, view] : head.arrays)
        arrays.push_back({stem + name, {1, view.rows(), view.cols()}, {view.data, static_cast<std::size_t>(view.size())}});
}

void addLayer(std::vector<NamedArray>& arrays, const std::string& stem, const LayerInputs& layer)
{
    addArray(arrays, stem + "q", layer.q);
    addArray(arrays, stem + "k", layer.k);
    addArray(arrays, stem + "v", layer.v);
    for (const auto& [name, tensor] : layer.arrays)
        addArray(arrays, stem + name, tensor);
}

MetadataText metadataOf(const DocumentInfo& info, const std::vector<Index>& numbers, const Layers& layers)
{
    const auto scale = [](const LayerInputs& layer) {
        return Inputs{layer.q.view(), {}, {}, false, layer.scale, nullptr}.effectiveScale();
    };
    TensorMetadata metadata;
    metadata.causal = layers.front()->causal;
    metadata.scale = scale(*layers.front());
    metadata.mask = maskText(layers.front()->causal, layers.front()->window);
    metadata.tokens = info.tokens;
    metadata.model = info.model;
    auto text = makeMetadataText(metadata);
    for (std::size_t i = 1; i < layers.size(); ++i)
        if (scale(*layers[i]) != *metadata.scale) {
            TensorMetadata own;
            own.scale = scale(*layers[i]);
            text["layers." + numberOf(info, numbers[i]) + ".scale"] = makeMetadataText(own)["scale"];
        }
    for (std::size_t i = 1; i < layers.size(); ++i)
        if (const auto mask = maskText(layers[i]->causal, layers[i]->window); mask != metadata.mask)
            text["layers." + numberOf(info, numbers[i]) + ".mask"] = mask;
    return text;
}

} // namespace

Result<void> writeCapture(const std::filesystem::path& path, const Document& document, const std::vector<Index>& layers,
                          const RunContext& context, std::optional<HeadRef> head)
{
    const auto& info = document.info();
    const auto numbers = chosen(info, layers);
    if (!numbers)
        return numbers.error();
    Layers kept;
    std::vector<NamedArray> arrays;
    for (const Index number : *numbers) {
        auto layer = head ? document.head(number, *head, context) : document.layer(number, context);
        if (!layer)
            return layer.error();
        const std::string stem = "layers." + numberOf(info, number) + ".";
        if (head)
            addHead(arrays, stem, inputsOf(*layer, *head));
        else
            addLayer(arrays, stem, **layer);
        kept.push_back(std::move(*layer));
    }
    if (context.cancelled())
        return cancelledError();
    return writeSafetensors(path, arrays, metadataOf(info, *numbers, kept));
}

} // namespace attnscope
