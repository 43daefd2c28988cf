// SPDX-License-Identifier: GPL-3.0-or-later
// One segment of causal kernel attention, chunk by chunk.
#pragma once

#include "core/engine/kernel_engine.h"

#include <vector>

namespace attnscope {

/// Walks along the keys of one key/value head and serves all query heads that share it.
class CausalWalk {
public:
    CausalWalk(const Inputs& inputs, const FeatureMap& map, HeadRef kvHead, const QuerySink& sink);

    /// The queries that stand at the keys [first, last). `prefix` holds the keys before `first`; the segment's own keys are
    /// added to `local`, which starts empty. False when stopped.
    bool walk(Index first, Index last, const KernelState& prefix, KernelState& local, const RunContext& context);

private:
    struct Chunk {
        bool plainKeys = false; ///< as they are added to the segment
        bool plain = false;     ///< these and all states; then `keys`, `shift` and `lift` are not there
        FeatureRows keys;
        std::vector<float> shift; ///< of the scaled keys
        std::vector<float> lift;  ///< exp(shift - m_view.shift())
        MatrixView<const float> scaled;
        MatrixView<const float> v;
    };

    Chunk prepare(Index first, Index rows, const KernelState& prefix, const KernelState& local);
    void answer(HeadRef head, Index firstQuery, const Chunk& chunk, const KernelState& prefix, const KernelState& local);
    void addChunk(const Chunk& chunk, MatrixView<float> p, MatrixView<float> numerators);
    void repairRows(const FeatureRows& queries, const Chunk& chunk, const KernelState& prefix, const KernelState& local,
                    MatrixView<float> numerators);

    Inputs m_inputs;
    const FeatureMap& m_map;
    HeadRef m_kvHead;
    const QuerySink& m_sink;
    FeatureBuffer m_keys;
    FeatureBuffer m_queries;
    Tensor m_scaledKeys;
    Tensor m_scaledQueries;
    Tensor m_products; ///< [chunk, chunk]
    Tensor m_numerators;
    std::vector<double> m_denominators;
    std::vector<float> m_logScale;
    StateView m_view;
};

} // namespace attnscope
