// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/layer_cache.h"

#include <algorithm>

namespace attnscope {

namespace {

std::uint64_t bytesOf(const LayerInputs& layer)
{
    Index values = layer.q.size() + layer.k.size() + layer.v.size();
    for (const auto& [name, tensor] : layer.arrays)
        values += tensor.size();
    return static_cast<std::uint64_t>(values) * sizeof(float);
}

} // namespace

std::shared_ptr<const LayerInputs> LayerCache::find(Index layer)
{
    const std::lock_guard lock(m_mutex);
    const auto kept = std::find_if(m_kept.begin(), m_kept.end(), [layer](const Kept& k) { return k.layer == layer; });
    if (kept != m_kept.end()) {
        m_kept.splice(m_kept.begin(), m_kept, kept);
        return kept->inputs;
    }
    const auto alive = m_alive.find(layer);
    return alive == m_alive.end() ? nullptr : alive->second.lock();
}

void LayerCache::insert(Index layer, std::shared_ptr<const LayerInputs> inputs)
{
    const std::lock_guard lock(m_mutex);
    std::erase_if(m_kept, [&](const Kept& old) {
        m_bytes -= old.layer == layer ? bytesOf(*old.inputs) : 0;
        return old.layer == layer;
    });
    m_alive[layer] = inputs;
    m_bytes += bytesOf(*inputs);
    m_kept.push_front({layer, std::move(inputs)});
    while (m_bytes > m_budget && m_kept.size() > 1) {
        m_bytes -= bytesOf(*m_kept.back().inputs);
        m_kept.pop_back();
    }
}

} // namespace attnscope
