// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/architecture.h"

#include "core/stack/stack_memory.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

std::string attentionName(const AttentionShape& attention)
{
    switch (attention.kind) {
    case AttentionKind::Full:
        return "full";
    case AttentionKind::Sliding:
        return "sliding(" + std::to_string(attention.window) + ")";
    case AttentionKind::Chunked:
        return "chunked(" + std::to_string(attention.window) + ")";
    case AttentionKind::None:
        break;
    }
    return {};
}

std::string ofLayers(Index count, std::size_t all) { return std::to_string(count) + " of " + std::to_string(all) + " layers"; }

} // namespace

std::string mixerName(const StackLayer& layer)
{
    std::string name = attentionName(layer.attention);
    if (layer.recurrent)
        name += (name.empty() ? "" : "+") + layer.recurrent->method;
    return name.empty() ? "none" : name;
}

std::string ffnName(const StackLayer& layer)
{
    const auto& ffn = layer.ffn;
    if (ffn.kind == FfnKind::Dense)
        return "dense(" + std::to_string(ffn.width) + ")";
    if (ffn.kind == FfnKind::Moe)
        return "moe(" + std::to_string(ffn.experts) + ", " + std::to_string(ffn.active) + " active)";
    return "none";
}

std::vector<Index> attentionLayers(const Architecture& architecture)
{
    std::vector<Index> found;
    for (std::size_t i = 0; i < architecture.layers.size(); ++i)
        if (architecture.layers[i].attention.kind != AttentionKind::None)
            found.push_back(static_cast<Index>(i));
    return found;
}

std::string caption(const Architecture& architecture)
{
    const auto& layers = architecture.layers;
    const auto full = std::count_if(layers.begin(), layers.end(), [](const auto& l) { return l.attention.kind == AttentionKind::Full; });
    const auto limited = static_cast<Index>(attentionLayers(architecture).size()) - full;
    const double all = kvBytesPerToken(architecture);
    double ofFull = 0.0;
    for (const auto& layer : layers)
        if (layer.attention.kind == AttentionKind::Full)
            ofFull += kvBytesPerToken(layer.attention, architecture.elementBytes);
    if (all == 0.0)
        return "None of the " + std::to_string(layers.size()) + " layers attends; there is no KV cache.";
    std::string text = ofLayers(full, layers.size()) + " attend to everything";
    if (full > 0)
        text += "; they hold " + std::to_string(std::lround(100.0 * ofFull / all)) + " % of the KV cache";
    if (limited > 0)
        text += "; " + std::to_string(limited) + " look back over a limited window, whose cache stops growing";
    return text + ".";
}

} // namespace attnscope
