// SPDX-License-Identifier: GPL-3.0-or-later
// One run of a transformer over one text: the residual stream and the steps that change it.
#pragma once

#include "core/model/layer_weights.h"
#include "core/model/rope.h"
#include "core/model/transformer.h"

#include <span>

namespace attnscope {

/// Ids, options and memory have been checked; used once.
class ForwardPass {
public:
    ForwardPass(const ModelConfig& config, const ModelWeights& weights, std::span<const std::int32_t> ids, const ForwardOptions& options,
                const RunContext& context);

    /// Cancelled where the context was stopped; Io where the weights' files were cut short since they were opened.
    Result<ForwardResult> run();

private:
    using Rows = std::pair<Index, Index>; ///< first, count

    bool captures(Index layer) const;
    Index layersToRun() const; ///< how many layers must be looked at
    bool runLayer(Index index);
    bool embed();
    bool project(Index index);
    bool projectRows(Index index, Rows rows);
    void placeHeads(Index index, Index row, const float* projected);
    bool attend(Index index);
    bool feedForward(Index index);
    bool finish();
    template <class Step>
    bool inChunks(Step step);
    bool normRows(const Norm& norm, MatrixView<const float> from, MatrixView<float> to);
    void keepHidden();
    void report(double layersDone);

    const ModelConfig& m_config;
    const ModelWeights& m_weights;
    std::span<const std::int32_t> m_ids;
    const ForwardOptions& m_options;
    const RunContext& m_context;
    Index m_length;
    bool m_preNorm;
    RopeTable m_rope;
    Tensor m_stream;                       // [1, 1, N, hidden]
    Tensor m_mixed;                        // [1, 1, N, heads * headDim]: what the heads read
    Tensor m_normed, m_projected, m_inner; // one chunk of rows
    std::shared_ptr<LayerInputs> m_layer;
    ForwardResult m_result;
};

} // namespace attnscope
