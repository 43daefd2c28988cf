// SPDX-License-Identifier: GPL-3.0-or-later
// One run of a transformer over one text: the residual stream and the steps that change it, a block of rows at a time.
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
    bool isEnd(Index layer) const; ///< nothing behind its q, k and v is asked for
    bool runLayer(Index index);
    bool embed();
    void prepare(Index index);
    bool project(Index index, Rows rows, bool queries, bool keysAndValues);
    bool placeRows(Index index, Rows rows);
    bool placeQueries(Index index, Rows rows);
    void place(const float* projected, Index row, Tensor& heads, Index at, const std::optional<Norm>* norm) const;
    bool changeRows(Index index, Rows rows);
    bool attend(Index index, Rows rows);
    bool feedForward(Index index, Rows rows);
    Inputs attentionInputs(Index index, Rows rows) const;
    bool finish();
    template <class Step>
    bool inChunks(Step step);
    bool normRows(const Norm& norm, MatrixView<const float> from, MatrixView<float> to);
    void keepHidden();
    void report(Index layer, Index rows);

    const ModelConfig& m_config;
    const ModelWeights& m_weights;
    std::span<const std::int32_t> m_ids;
    const ForwardOptions& m_options;
    const RunContext& m_context;
    Index m_length;
    bool m_preNorm;
    RopeTable m_rope;
    Tensor m_stream;                                // [1, 1, N, hidden]
    Tensor m_normed, m_projected, m_inner, m_mixed; // one chunk of rows; m_mixed: what the heads read
    Tensor m_queries;                               // [1, heads, chunk, headDim]
    std::shared_ptr<LayerInputs> m_layer;           // keys and values of all heads; queries only where they are captured
    std::shared_ptr<LayerInputs> m_one;             // the captured head
    ForwardResult m_result;
    double m_flopsBefore = 0.0; // of the layers that are done
    double m_flops = 0.0;       // of all
};

} // namespace attnscope
