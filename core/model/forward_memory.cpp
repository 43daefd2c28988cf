// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/forward_memory.h"

#include <algorithm>

namespace attnscope {

double layerInputBytes(const ModelConfig& config, Index length)
{
    return 4.0 * static_cast<double>(length) * static_cast<double>((config.heads + 2 * config.kvHeads) * config.headDim);
}

double forwardPassBytes(const ModelConfig& config, Index length, const ForwardOptions& options)
{
    const auto n = static_cast<double>(length);
    const auto chunk = static_cast<double>(std::min(length, ForwardChunkRows));
    const auto hidden = static_cast<double>(config.hidden);
    const double captured = options.captureLayers ? static_cast<double>(options.captureLayers->size()) : static_cast<double>(config.layers);
    double floats = n * hidden + n * static_cast<double>(config.heads * config.headDim);
    floats += chunk * (hidden + static_cast<double>((config.heads + 2 * config.kvHeads) * config.headDim));
    floats += chunk * 2.0 * static_cast<double>(config.intermediate);
    if (!config.learnedPositions)
        floats += n * static_cast<double>(config.rope.dims);
    if (options.hiddenStates)
        floats += n * hidden * static_cast<double>(config.layers + 1);
    if (options.logits)
        floats += n * static_cast<double>(config.vocabulary);
    return 4.0 * floats + (captured + 1.0) * layerInputBytes(config, length);
}

} // namespace attnscope
