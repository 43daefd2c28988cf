// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/text_layers.h"

#include "core/method/inputs.h"
#include "core/model/forward_memory.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>

namespace attnscope {

namespace {

constexpr std::size_t kKeptStreams = 2;
constexpr std::uint64_t kHeadCacheBytes = std::uint64_t{512} << 20;
constexpr std::uint64_t kStartCacheBytes = std::uint64_t{256} << 20;

std::vector<Index> layersFrom(Index first, Index last)
{
    std::vector<Index> layers(static_cast<std::size_t>(last - first + 1));
    std::iota(layers.begin(), layers.end(), first);
    return layers;
}

/// A second run would double the memory, and may find its layer in the cache afterwards.
Result<std::unique_lock<std::mutex>> waitFor(std::mutex& mutex, const RunContext& context)
{
    std::unique_lock lock(mutex, std::defer_lock);
    while (!lock.try_lock()) { // not std::timed_mutex: ThreadSanitizer of GCC 12 misses locks by the steady clock
        if (context.cancelled())
            return cancelledError();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return lock;
}

Result<void> checkLayerFinite(const std::shared_ptr<const LayerInputs>& layer, std::size_t index)
{
    if (checkFinite(inputsOf(layer)))
        return {};
    return Error{Errc::InvalidParam, "Layer " + std::to_string(index) + " of the model gives values that are not finite.",
                 "The weights are damaged or overflow; get the model's files again."};
}

} // namespace

TextLayers::TextLayers(Transformer model, std::vector<std::int32_t> ids, std::uint64_t cacheBytes, TextLimits limits)
    : m_model(std::move(model)),
      m_ids(std::move(ids)),
      m_limits(limits),
      m_layers(cacheBytes),
      m_heads(kHeadCacheBytes),
      m_starts(kStartCacheBytes)
{
}

Result<void> TextLayers::open(const RunContext& context)
{
    const std::lock_guard lock(m_running);
    const bool quick = m_model.forwardFlops(length(), {}) <= m_limits.eagerFlops;
    const bool fits = m_model.forwardBytes(length(), {}) <= static_cast<double>(context.memoryBudget);
    return run(quick && fits ? ForwardOptions{} : optionsFor(0, 0), context);
}

Result<void> TextLayers::checkLayer(Index index) const
{
    if (index < 0 || index >= m_model.config().layers)
        return Error{Errc::InvalidParam, "There is no layer " + std::to_string(index) + " in this model.",
                     "Choose a layer from 0 to " + std::to_string(m_model.config().layers - 1) + "."};
    return {};
}

Result<std::shared_ptr<const LayerInputs>> TextLayers::layer(Index index, const RunContext& context)
{
    return get(index, std::nullopt, context);
}

Result<std::shared_ptr<const LayerInputs>> TextLayers::head(Index index, Index head, const RunContext& context)
{
    if (head < 0 || head >= m_model.config().heads)
        return Error{Errc::InvalidParam, "There is no head " + std::to_string(head) + " in this model.",
                     "Choose a head from 0 to " + std::to_string(m_model.config().heads - 1) + "."};
    return get(index, head, context);
}

Result<std::shared_ptr<const LayerInputs>> TextLayers::get(Index index, std::optional<Index> head, const RunContext& context)
{
    if (const auto checked = checkLayer(index); !checked)
        return checked.error();
    if (auto found = find(index, head))
        return found;
    const auto lock = waitFor(m_running, context);
    if (!lock)
        return lock.error();
    if (auto found = find(index, head))
        return found;
    auto options = optionsFor(index, head);
    if (m_model.forwardBytes(length(), options) > static_cast<double>(context.memoryBudget))
        options.captureLayers = std::vector<Index>{index};
    if (const auto done = run(options, context); !done)
        return done.error();
    return find(index, head);
}

std::shared_ptr<const LayerInputs> TextLayers::find(Index index, std::optional<Index> head)
{
    auto found = m_layers.find(index);
    return found || !head ? found : m_heads.find(index * m_model.config().heads + *head);
}

/// From the deepest stream that is kept; with the layers between where they are small.
ForwardOptions TextLayers::optionsFor(Index index, std::optional<Index> head)
{
    const auto& config = m_model.config();
    ForwardOptions options;
    {
        const std::lock_guard lock(m_access);
        for (const auto& stream : m_streams)
            if (stream->layer <= index && (!options.resume || stream->layer > options.resume->layer))
                options.resume = stream;
    }
    const bool small = layerInputBytes(config, length()) * static_cast<double>(config.layers) <= m_limits.passingBytes;
    options.captureLayers = layersFrom(small && options.resume ? options.resume->layer : small ? 0 : index, index);
    if (!small)
        options.captureHead = head;
    options.keepStream = index > 0 && (index + 1 < config.layers || !small); // embeddings are soon made again
    return options;
}

Result<void> TextLayers::run(const ForwardOptions& options, const RunContext& context)
{
    const auto result = m_model.forward(m_ids, options, context);
    if (!result)
        return result.error();
    if (const auto kept = keep(*result, options, context); !kept)
        return kept.error();
    if (result->stream)
        keepStream(result->stream);
    return {};
}

Result<void> TextLayers::keep(const ForwardResult& result, const ForwardOptions& options, const RunContext& context)
{
    for (std::size_t i = 0; i < result.layers.size(); ++i) {
        if (!result.layers[i])
            continue;
        if (context.cancelled())
            return cancelledError();
        if (const auto finite = checkLayerFinite(result.layers[i], i); !finite)
            return finite.error();
        const auto index = static_cast<Index>(i);
        if (options.captureHead)
            m_heads.insert(index * m_model.config().heads + *options.captureHead, result.layers[i]);
        else
            m_layers.insert(index, result.layers[i]);
    }
    return {};
}

void TextLayers::keepStream(std::shared_ptr<const LayerStream> stream)
{
    const std::lock_guard lock(m_access);
    std::erase_if(m_streams, [&](const auto& old) { return old->layer == stream->layer; });
    m_streams.push_front(std::move(stream));
    if (m_streams.size() > kKeptStreams)
        m_streams.pop_back();
}

Result<std::shared_ptr<const LayerInputs>> TextLayers::start(Index index, Index length, const RunContext& context)
{
    const auto& config = m_model.config();
    const bool byPrefix = config.causal && config.rope.type != RopeType::Dynamic && length < this->length();
    if (const auto checked = checkLayer(index); !checked)
        return checked.error();
    if (auto found = m_layers.find(index); found || !byPrefix)
        return found ? std::move(found) : layer(index, context);
    const auto lock = waitFor(m_running, context);
    if (!lock)
        return lock.error();
    if (m_startLength >= length)
        if (auto found = m_starts.find(index))
            return found;
    const auto result = m_model.forward(std::span(m_ids).first(static_cast<std::size_t>(length)), {}, context);
    if (!result)
        return result.error();
    for (std::size_t i = 0; i < result->layers.size(); ++i) {
        if (const auto finite = checkLayerFinite(result->layers[i], i); !finite)
            return finite.error();
        m_starts.insert(static_cast<Index>(i), result->layers[i]);
    }
    m_startLength = length;
    return result->layers[static_cast<std::size_t>(index)];
}

LayerCost TextLayers::costOf(Index index, Index head)
{
    if (!checkLayer(index) || find(index, head))
        return {};
    const auto options = optionsFor(index, head);
    const Index from = options.resume ? options.resume->layer : 0;
    return {m_model.forwardFlops(length(), options), m_model.forwardBytes(length(), options), index + 1 - from};
}

} // namespace attnscope
