// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/tensor_document.h"

#include "core/base/parallel.h"
#include "core/inputs/array_set.h"
#include "core/inputs/extra_layout.h"
#include "core/inputs/layer_cache.h"
#include "core/inputs/tensor_metadata.h"
#include "core/io/file_error.h"

#include <array>
#include <cmath>
#include <new>

namespace attnscope {

namespace {

ArrayShapes shapesOf(const ArrayFile& file, const LayerArrays& layer)
{
    return {file.arrays()[layer.q].shape, file.arrays()[layer.k].shape, file.arrays()[layer.v].shape};
}

/// Of q, k, v and the further arrays.
std::vector<std::size_t> positionsOf(const LayerArrays& layer)
{
    std::vector<std::size_t> positions{layer.q, layer.k, layer.v};
    for (const auto& [name, at] : layer.extra)
        positions.push_back(at);
    return positions;
}

Result<ExtraReading> readExtra(const ArraySet& set, const LayerArrays& layer, const std::string& name, std::size_t at, Layout layout)
{
    const auto shapes = shapesOf(*set.file, layer);
    const auto q = sizesIn(layout, shapes.q);
    const auto k = sizesIn(layout, shapes.k);
    return readExtraLayout(name, set.file->arrays()[at].shape, {q[0], q[1], k[1], q[2], k[2]}, !isBHND(layout));
}

Tensor emptyTensor(const std::array<Index, 4>& sizes) { return {sizes[0], sizes[1], sizes[2], sizes[3]}; }

/// The arrays of every layer have numbers that attention can use.
Result<void> checkDTypes(const std::filesystem::path& path, const ArraySet& set)
{
    for (const auto& layer : set.layers)
        for (const std::size_t index : positionsOf(layer))
            if (const auto& array = set.file->arrays()[index]; array.dtype == DType::Other)
                return unusableDType(array, path);
    return {};
}

/// The window shows one number of heads and tokens for all layers.
Result<void> checkSameSizes(const ArraySet& set, Layout layout)
{
    const auto first = shapesOf(*set.file, set.layers.front());
    for (const auto& layer : set.layers) {
        const auto other = shapesOf(*set.file, layer);
        bool same = other.q.size() == first.q.size() && other.k.size() == first.k.size() && other.v.size() == first.v.size();
        if (same) {
            const auto sizes = [layout](const std::vector<Index>& s) { return sizesIn(layout, s); };
            const auto equal = [](const std::array<Index, 4>& a, const std::array<Index, 4>& b) {
                return a[0] == b[0] && a[1] == b[1] && a[2] == b[2]; // widths may differ
            };
            same = equal(sizes(other.q), sizes(first.q)) && equal(sizes(other.k), sizes(first.k));
        }
        if (!same)
            return Error{Errc::InvalidShape,
                         "The layers differ in heads or tokens: " + set.layers.front().name + " has q " + shapeText(first.q) + ", " +
                             layer.name + " has q " + shapeText(other.q) + ".",
                         "Save layers of different shapes in files of their own."};
    }
    return {};
}

class FileDocument : public TensorDocument {
public:
    FileDocument(std::filesystem::path path, ArraySet set, LayoutReading reading)
        : m_path(std::move(path)), m_set(std::move(set)), m_reading(std::move(reading))
    {
    }

    DocumentInfo& editInfo() { return m_info; }
    void setScales(std::vector<float> scales) { m_scales = std::move(scales); }
    void setWindows(std::vector<Index> windows) { m_windows = std::move(windows); }

    const DocumentInfo& info() const override { return m_info; }
    const LayoutReading& layout() const override { return m_reading; }

    std::vector<std::string> arrayNames() const override
    {
        std::vector<std::string> names;
        for (const auto& array : m_set.file->arrays())
            names.push_back(array.name);
        return names;
    }

    Result<std::shared_ptr<const LayerInputs>> layer(Index index, const RunContext& context) const override
    {
        if (index < 0 || index >= static_cast<Index>(m_set.layers.size()))
            return Error{Errc::InvalidParam, "There is no layer " + std::to_string(index) + " in " + quoted(m_path) + ".",
                         "It has " + std::to_string(m_set.layers.size()) + ", counted from 0."};
        if (auto cached = m_cache.find(index))
            return cached;
        auto loaded = load(static_cast<std::size_t>(index), context);
        if (loaded)
            m_cache.insert(index, *loaded);
        return loaded;
    }

private:
    Result<std::shared_ptr<const LayerInputs>> load(std::size_t index, const RunContext& context) const
    {
        const auto& arrays = m_set.layers[index];
        if (auto fits = checkMemory(arrays, context); !fits)
            return fits.error();
        try {
            auto layer = std::make_shared<LayerInputs>();
            layer->causal = m_info.causal;
            layer->scale = m_scales[index];
            layer->window = m_windows[index];
            if (auto done = readMain(arrays, *layer, context); !done)
                return done.error();
            for (const auto& [name, array] : arrays.extra) {
                const auto reading = readExtra(m_set, arrays, name, array, m_reading.layout);
                if (!reading)
                    return reading.error();
                if (auto done = readTensor(array, reading->layout, reading->shape, layer->arrays[name]); !done)
                    return done.error();
            }
            return checked(std::move(layer));
        } catch (const std::bad_alloc&) {
            return tooLarge(m_set.file->arrays()[arrays.q], m_path);
        }
    }

    /// q, k and v at once, where none of them needs a copy of itself on the way.
    Result<void> readMain(const LayerArrays& arrays, LayerInputs& layer, const RunContext& context) const
    {
        const std::array<std::pair<Tensor*, std::size_t>, 3> parts{{{&layer.q, arrays.q}, {&layer.k, arrays.k}, {&layer.v, arrays.v}}};
        std::array<Result<void>, 3> results;
        const Index grain = isBHND(m_reading.layout) ? 1 : 3;
        const bool all = parallelFor(3, grain, context, [&](Index first, Index last) {
            for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last) && !context.cancelled(); ++i) {
                const auto& [tensor, array] = parts[i];
                try {
                    results[i] = readTensor(array, m_reading.layout, m_set.file->arrays()[array].shape, *tensor);
                } catch (const std::bad_alloc&) {
                    results[i] = tooLarge(m_set.file->arrays()[array], m_path);
                }
            }
        });
        for (const auto& result : results)
            if (!result)
                return result;
        return all && !context.cancelled() ? Result<void>{} : cancelledError();
    }

    static Result<std::shared_ptr<const LayerInputs>> checked(std::shared_ptr<const LayerInputs> layer)
    {
        const auto inputs = inputsOf(layer);
        if (auto valid = validate(inputs); !valid)
            return valid.error();
        if (auto finite = checkFinite(inputs); !finite)
            return finite.error();
        return layer;
    }

    Result<void> checkMemory(const LayerArrays& arrays, const RunContext& context) const
    {
        double bytes = 0.0;
        for (const std::size_t array : positionsOf(arrays))
            bytes += static_cast<double>(m_set.file->arrays()[array].size()) * sizeof(float);
        if (bytes > static_cast<double>(context.memoryBudget))
            return tooLarge(m_set.file->arrays()[arrays.q], m_path);
        return {};
    }

    Result<void> readTensor(std::size_t array, Layout layout, const std::vector<Index>& shape, Tensor& tensor) const
    {
        tensor = emptyTensor(sizesIn(layout, shape));
        if (isBHND(layout))
            return m_set.file->readInto(array, tensor.values());
        std::vector<float> stored(static_cast<std::size_t>(tensor.size()));
        auto done = m_set.file->readInto(array, stored);
        if (done)
            copyAsBHND(layout, shape, stored.data(), tensor.data());
        return done;
    }

    std::filesystem::path m_path;
    ArraySet m_set;
    LayoutReading m_reading;
    DocumentInfo m_info;
    std::vector<float> m_scales; // by layer
    std::vector<Index> m_windows;
    mutable LayerCache m_cache;
};

/// What the user reads about the arrays.
std::string detailOf(const ArraySet& set, const LayoutReading& reading, const TensorMetadata& metadata, const DocumentInfo& info)
{
    std::string text = reading.explanation + (reading.guessed ? " (" + reading.reason + ")" : "");
    text += "; " + set.file->arrays()[set.layers.front().q].dtypeName;
    if (info.kvHeads != info.heads)
        text += "; " + std::to_string(info.kvHeads) + (info.kvHeads == 1 ? " KV head" : " KV heads");
    for (const auto& [name, at] : set.layers.front().extra)
        if (const auto extra = readExtra(set, set.layers.front(), name, at, reading.layout))
            text += "; " + extra->explanation;
    if (!metadata.mask.empty() && metadata.mask != "causal" && metadata.mask != "bidirectional")
        text += (windowOf(metadata.mask) > 0 ? "; " : "; mask in the model: ") + metadata.mask;
    if (!metadata.tokens.empty() && info.tokens.empty())
        text += "; its " + std::to_string(metadata.tokens.size()) + " token labels don't fit and are left out";
    return text;
}

void fillInfo(DocumentInfo& info, const std::filesystem::path& path, const ArraySet& set, const LayoutReading& reading,
              const TensorOptions& options, const TensorMetadata& metadata)
{
    std::error_code ignored;
    const auto shapes = shapesOf(*set.file, set.layers.front());
    const auto q = sizesIn(reading.layout, shapes.q);
    info.title = path.filename().string();
    info.origin = std::filesystem::absolute(path, ignored).string();
    info.model = metadata.model;
    for (const auto& layer : set.layers)
        info.layerNames.push_back(layer.name.empty() ? "layer 0" : layer.name);
    info.batch = q[0];
    info.heads = q[1];
    info.kvHeads = sizesIn(reading.layout, shapes.k)[1];
    info.length = q[2];
    info.causal = options.causal.value_or(metadata.causal.value_or(false));
    if (static_cast<Index>(metadata.tokens.size()) == info.length)
        info.tokens = metadata.tokens;
    for (const auto& [name, at] : set.layers.front().extra)
        info.arrays.push_back(name);
    info.detail = detailOf(set, reading, metadata, info);
}

Result<std::vector<float>> scalesOf(const ArraySet& set, const TensorOptions& options, const TensorMetadata& metadata)
{
    std::vector<float> scales;
    for (const auto& layer : set.layers) {
        const auto own = readScale(set.file->metadata(), layer.scaleKey);
        if (!own)
            return own.error();
        scales.push_back(options.scale.value_or(own->value_or(metadata.scale.value_or(0.0F))));
    }
    return scales;
}

std::vector<Index> windowsOf(const ArraySet& set, Layout layout, const TensorOptions& options, const TensorMetadata& metadata)
{
    std::vector<Index> windows;
    const Index keys = sizesIn(layout, shapesOf(*set.file, set.layers.front()).k)[2];
    for (const auto& layer : set.layers) {
        const auto own = set.file->metadata().find(layer.maskKey);
        const Index window = options.window.value_or(windowOf(own != set.file->metadata().end() ? own->second : metadata.mask));
        windows.push_back(window < keys ? window : 0); // as wide as the input it hides nothing
    }
    return windows;
}

} // namespace

Result<std::shared_ptr<const TensorDocument>> openTensors(const std::filesystem::path& path, const TensorOptions& options,
                                                          const RunContext& context)
{
    auto set = findArrays(path, options);
    if (!set)
        return set.error();
    if (auto usable = checkDTypes(path, *set); !usable)
        return usable.error();
    const auto metadata = readTensorMetadata(set->file->metadata());
    if (!metadata)
        return parseError(path, metadata.error().what, metadata.error().hint);
    auto scales = scalesOf(*set, options, *metadata);
    if (!scales)
        return parseError(path, scales.error().what, scales.error().hint);
    auto reading = readLayout(shapesOf(*set->file, set->layers.front()), options.layout, static_cast<Index>(metadata->tokens.size()));
    if (!reading)
        return reading.error();
    if (auto same = checkSameSizes(*set, reading->layout); !same)
        return same.error();

    auto document = std::make_shared<FileDocument>(path, *set, *reading);
    fillInfo(document->editInfo(), path, *set, *reading, options, *metadata);
    document->setScales(std::move(*scales));
    document->setWindows(windowsOf(*set, reading->layout, options, *metadata));
    if (auto first = document->layer(0, context); !first)
        return first.error();
    return std::shared_ptr<const TensorDocument>(std::move(document));
}

} // namespace attnscope
