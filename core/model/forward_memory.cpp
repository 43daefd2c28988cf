// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/forward_memory.h"

#include <algorithm>

namespace attnscope {

namespace {

/// Query and key pairs of the first `rows` queries that the mask shows.
double visiblePairs(bool causal, Index window, double rows, double length)
{
    const double reach = window > 0 ? std::min(static_cast<double>(window), length) : length;
    if (!causal)
        return rows * reach;
    const double growing = std::min(rows, reach);
    return growing * (growing + 1.0) / 2.0 + (rows - growing) * reach;
}

/// The weights of q, k and v.
double projectionFlops(const ModelConfig& config, double rows)
{
    return 2.0 * rows * static_cast<double>(config.hidden * (config.heads + 2 * config.kvHeads) * config.headDim);
}

} // namespace

double layerInputBytes(const ModelConfig& config, Index length)
{
    return 4.0 * static_cast<double>(length) * static_cast<double>((config.heads + 2 * config.kvHeads) * config.headDim);
}

double capturedBytes(const ModelConfig& config, Index length, const ForwardOptions& options)
{
    return options.captureHead ? 12.0 * static_cast<double>(length) * static_cast<double>(config.headDim) : layerInputBytes(config, length);
}

Index layersToRun(const ModelConfig& config, const ForwardOptions& options)
{
    if (!options.captureLayers || !endsWithCapture(options))
        return config.layers;
    const auto& wanted = *options.captureLayers;
    return wanted.empty() ? 0 : *std::max_element(wanted.begin(), wanted.end()) + 1;
}

bool endsWithCapture(const ForwardOptions& options) { return !options.hiddenStates && !options.logits; }

double forwardPassBytes(const ModelConfig& config, Index length, const ForwardOptions& options)
{
    const auto n = static_cast<double>(length);
    const auto chunk = static_cast<double>(std::min(length, ForwardChunkRows));
    const auto hidden = static_cast<double>(config.hidden);
    const auto heads = static_cast<double>(config.heads * config.headDim);
    const auto keyValues = static_cast<double>(2 * config.kvHeads * config.headDim);
    const double captured = options.captureLayers ? static_cast<double>(options.captureLayers->size()) : static_cast<double>(config.layers);
    double floats = n * hidden + n * keyValues;
    floats += chunk * (hidden + 3.0 * heads + keyValues + 2.0 * static_cast<double>(config.intermediate));
    if (!config.learnedPositions)
        floats += n * static_cast<double>(config.rope.dims);
    if (options.hiddenStates)
        floats += n * hidden * static_cast<double>(config.layers + 1);
    if (options.logits)
        floats += n * static_cast<double>(config.vocabulary);
    return 4.0 * floats + captured * capturedBytes(config, length, options);
}

double layerFlops(const ModelConfig& config, Index layer, Index rows, Index length)
{
    const auto n = static_cast<double>(rows);
    const auto heads = static_cast<double>(config.heads * config.headDim);
    const auto hidden = static_cast<double>(config.hidden);
    const double matrices = config.family == ModelFamily::Llama ? 3.0 : 2.0;
    const double linear = 2.0 * n * hidden * (heads + matrices * static_cast<double>(config.intermediate));
    const double pairs = visiblePairs(config.causal, config.windows[static_cast<std::size_t>(layer)], n, static_cast<double>(length));
    return projectionFlops(config, n) + linear + 4.0 * pairs * heads;
}

double forwardPassFlops(const ModelConfig& config, Index length, const ForwardOptions& options)
{
    const Index layers = layersToRun(config, options);
    const Index whole = endsWithCapture(options) ? layers - 1 : layers;
    double flops = endsWithCapture(options) && layers > 0 ? projectionFlops(config, static_cast<double>(length)) : 0.0;
    for (Index layer = options.resume ? options.resume->layer : 0; layer < whole; ++layer)
        flops += layerFlops(config, layer, length, length);
    if (options.logits)
        flops += 2.0 * static_cast<double>(length) * static_cast<double>(config.hidden * config.vocabulary);
    return flops;
}

} // namespace attnscope
