// SPDX-License-Identifier: GPL-3.0-or-later
// q, k and v of a text's layers: all at once where that is quick, else run when they are asked for, as little as possible.
#pragma once

#include "core/inputs/layer_cache.h"
#include "core/model/transformer.h"

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace attnscope {

struct TextLimits {
    double eagerFlops = 2e11;    ///< a text that costs more in all layers is run layer by layer, when somebody looks: some seconds
    double passingBytes = 512e6; ///< layers that a run passes are kept where all take no more; else only the head asked for
};

/// Thread-safe. A run leaves the residual stream that it ended with, so that deeper layers, and other heads of the same one, go on
/// from there.
class TextLayers {
public:
    TextLayers(Transformer model, std::vector<std::int32_t> ids, std::uint64_t cacheBytes, TextLimits limits = {});

    /// All layers where they are quick and fit, else the first one, so that a text that can't be run is refused when it is opened.
    Result<void> open(const RunContext& context);

    /// All heads of one layer.
    Result<std::shared_ptr<const LayerInputs>> layer(Index index, const RunContext& context);

    /// One head of a layer at least.
    Result<std::shared_ptr<const LayerInputs>> head(Index index, Index head, const RunContext& context);

    /// All heads of a layer for at least the first `length` positions: a causal model's don't depend on what comes later.
    Result<std::shared_ptr<const LayerInputs>> start(Index index, Index length, const RunContext& context);

    /// What head() would compute now.
    LayerCost costOf(Index index, Index head);

private:
    Result<std::shared_ptr<const LayerInputs>> get(Index index, std::optional<Index> head, const RunContext& context);
    std::shared_ptr<const LayerInputs> find(Index index, std::optional<Index> head);
    ForwardOptions optionsFor(Index index, std::optional<Index> head);
    Result<void> run(const ForwardOptions& options, const RunContext& context);
    Result<void> keep(const ForwardResult& result, const ForwardOptions& options, const RunContext& context);
    void keepStream(std::shared_ptr<const LayerStream> stream);
    Result<void> checkLayer(Index index) const;
    Index length() const { return static_cast<Index>(m_ids.size()); }

    Transformer m_model;
    std::vector<std::int32_t> m_ids;
    TextLimits m_limits;
    LayerCache m_layers;
    LayerCache m_heads;  // by layer * heads + head
    LayerCache m_starts; // of the first positions
    Index m_startLength = 0;
    std::mutex m_running;                                    // one run at a time
    std::mutex m_access;                                     // of m_streams
    std::list<std::shared_ptr<const LayerStream>> m_streams; // the latest first
};

} // namespace attnscope
