// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/forward_pass.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/model/activation.h"
#include "core/model/forward_memory.h"
#include "core/model/streaming_attention.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr Index RowGrain = 16;

Tensor matrixTensor(Index rows, Index cols) { return {1, 1, rows, cols}; }

} // namespace

ForwardPass::ForwardPass(const ModelConfig& config, const ModelWeights& weights, std::span<const std::int32_t> ids,
                         const ForwardOptions& options, const RunContext& context)
    : m_config(config),
      m_weights(weights),
      m_ids(ids),
      m_options(options),
      m_context(context),
      m_length(static_cast<Index>(ids.size())),
      m_preNorm(config.family != ModelFamily::Bert)
{
    if (!config.learnedPositions)
        m_rope = RopeTable(config.rope, m_length, context);
    const Index chunk = std::min(m_length, ForwardChunkRows);
    m_stream = matrixTensor(m_length, config.hidden);
    m_mixed = matrixTensor(m_length, config.heads * config.headDim);
    m_normed = matrixTensor(chunk, config.hidden);
    m_projected = matrixTensor(chunk, (config.heads + 2 * config.kvHeads) * config.headDim);
    m_inner = matrixTensor(chunk, (config.family == ModelFamily::Llama ? 2 : 1) * config.intermediate);
    m_result.layers.resize(static_cast<std::size_t>(config.layers));
}

bool ForwardPass::captures(Index layer) const
{
    const auto& wanted = m_options.captureLayers;
    return !wanted || std::find(wanted->begin(), wanted->end(), layer) != wanted->end();
}

Index ForwardPass::layersToRun() const
{
    if (m_options.hiddenStates || m_options.logits || !m_options.captureLayers)
        return m_config.layers;
    const auto& wanted = *m_options.captureLayers;
    return wanted.empty() ? 0 : *std::max_element(wanted.begin(), wanted.end()) + 1;
}

void ForwardPass::report(double layersDone) { m_context.report(layersDone / static_cast<double>(std::max<Index>(1, layersToRun()))); }

Result<ForwardResult> ForwardPass::run()
{
    if (auto whole = m_weights.files->checkWhole(); !whole)
        return whole.error();
    bool going = embed();
    for (Index layer = 0; going && layer < layersToRun(); ++layer) {
        report(static_cast<double>(layer));
        if (auto whole = m_weights.files->checkWhole(); !whole)
            return whole.error();
        going = runLayer(layer);
    }
    if (!going || !finish())
        return cancelledError();
    m_context.report(1.0);
    return std::move(m_result);
}

bool ForwardPass::runLayer(Index index)
{
    if (!project(index))
        return false;
    if (captures(index))
        m_result.layers[static_cast<std::size_t>(index)] = m_layer;
    const bool streamUnused = index + 1 == layersToRun() && !m_options.hiddenStates && !m_options.logits;
    if (!streamUnused && (!attend(index) || !feedForward(index)))
        return false;
    if (captures(index))
        m_layer.reset();
    if (!streamUnused)
        keepHidden();
    return true;
}

void ForwardPass::keepHidden()
{
    if (!m_options.hiddenStates)
        return;
    auto& kept = m_result.hidden.emplace_back(matrixTensor(m_length, m_config.hidden));
    std::copy_n(m_stream.data(), m_stream.size(), kept.data());
}

bool ForwardPass::normRows(const Norm& norm, MatrixView<const float> from, MatrixView<float> to)
{
    return parallelFor(from.rows, RowGrain, m_context, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            norm.apply(from.rowSpan(i), to.rowSpan(i));
    });
}

bool ForwardPass::embed()
{
    const auto stream = m_stream.matrix();
    const bool done = parallelFor(m_length, RowGrain, m_context, [&](Index first, Index last) {
        std::vector<float> buffer;
        for (Index i = first; i < last; ++i) {
            const auto row = stream.rowSpan(i);
            std::ranges::copy(m_weights.tokens.read(m_ids[static_cast<std::size_t>(i)], 1, buffer).rowSpan(0), row.begin());
            if (m_weights.tokenTypes.rows() > 0)
                addScaledRow(row, 1.0F, m_weights.tokenTypes.read(0, 1, buffer).rowSpan(0));
            if (m_config.learnedPositions)
                addScaledRow(row, 1.0F, m_weights.positions.read(i, 1, buffer).rowSpan(0));
            if (m_weights.embeddingNorm)
                m_weights.embeddingNorm->apply(row, row);
        }
    });
    if (done)
        keepHidden();
    return done;
}

template <class Step>
bool ForwardPass::inChunks(Step step)
{
    for (Index first = 0; first < m_length; first += ForwardChunkRows)
        if (!step(Rows{first, std::min(ForwardChunkRows, m_length - first)}))
            return false;
    return true;
}

bool ForwardPass::project(Index index)
{
    if (!m_layer) {
        m_layer = std::make_shared<LayerInputs>();
        m_layer->q = Tensor(1, m_config.heads, m_length, m_config.headDim);
        m_layer->k = Tensor(1, m_config.kvHeads, m_length, m_config.headDim);
        m_layer->v = Tensor(1, m_config.kvHeads, m_length, m_config.headDim);
    }
    m_layer->causal = m_config.causal;
    const Index window = m_config.windows[static_cast<std::size_t>(index)];
    m_layer->window = window < m_length ? window : 0; // as wide as the text it hides nothing
    m_layer->scale = m_config.scales[static_cast<std::size_t>(index)];
    return inChunks([&](Rows rows) { return projectRows(index, rows); });
}

bool ForwardPass::projectRows(Index index, Rows rows)
{
    const auto& layer = m_weights.layers[static_cast<std::size_t>(index)];
    const auto [first, count] = rows;
    MatrixView<float> in = m_stream.matrix().rowRange(first, count);
    if (m_preNorm) {
        const auto normed = m_normed.matrix().rowRange(0, count);
        if (!normRows(layer.attentionNorm, in, normed))
            return false;
        in = normed;
    }
    const auto projected = m_projected.matrix().rowRange(0, count);
    Index column = 0;
    for (const Linear* linear : {&layer.q, &layer.k, &layer.v}) {
        const Index width = linear->weight.rows();
        if (!applyLinear(*linear, in, {projected.data + column, count, width, projected.stride}, Into::Overwrite, m_context))
            return false;
        column += width;
    }
    return parallelFor(count, RowGrain, m_context, [&, offset = first](Index begin, Index end) {
        for (Index i = begin; i < end; ++i)
            placeHeads(index, offset + i, projected.row(i));
    });
}

void ForwardPass::placeHeads(Index index, Index row, const float* projected)
{
    const auto& layer = m_weights.layers[static_cast<std::size_t>(index)];
    const Index width = m_config.headDim;
    const auto place = [&](Tensor& heads, const std::optional<Norm>* norm) {
        for (Index h = 0; h < heads.heads(); ++h, projected += width) {
            const auto head = heads.matrix({0, h}).rowSpan(row);
            std::copy_n(projected, width, head.begin());
            if (norm && *norm)
                (*norm)->apply(head, head);
            if (norm && !m_config.learnedPositions)
                m_rope.rotate(head.data(), row);
        }
    };
    place(m_layer->q, &layer.qNorm);
    place(m_layer->k, &layer.kNorm);
    place(m_layer->v, nullptr);
}

bool ForwardPass::attend(Index index)
{
    const auto& layer = m_weights.layers[static_cast<std::size_t>(index)];
    if (!streamAttention(*m_layer, m_mixed.matrix(), m_context))
        return false;
    report(static_cast<double>(index) + 0.5);
    return inChunks([&](Rows rows) {
        const auto stream = m_stream.matrix().rowRange(rows.first, rows.second);
        return applyLinear(layer.o, m_mixed.matrix().rowRange(rows.first, rows.second), stream, Into::Add, m_context) &&
               (m_preNorm || normRows(layer.attentionNorm, stream, stream));
    });
}

bool ForwardPass::feedForward(Index index)
{
    const auto& layer = m_weights.layers[static_cast<std::size_t>(index)];
    const bool gated = layer.gate.weight.rows() > 0;
    const Index width = m_config.intermediate;
    return inChunks([&](Rows rows) {
        const auto stream = m_stream.matrix().rowRange(rows.first, rows.second);
        const auto in = m_preNorm ? m_normed.matrix().rowRange(0, rows.second) : stream;
        if (m_preNorm && !normRows(layer.mlpNorm, stream, in))
            return false;
        const MatrixView<float> inner{m_inner.data(), rows.second, width, m_inner.cols()};
        const MatrixView<float> up{gated ? inner.data + width : inner.data, rows.second, width, inner.stride};
        if (!applyLinear(layer.up, in, up, Into::Overwrite, m_context) ||
            (gated && !applyLinear(layer.gate, in, inner, Into::Overwrite, m_context)))
            return false;
        const bool activated = parallelFor(rows.second, RowGrain, m_context, [&](Index first, Index last) {
            for (Index i = first; i < last; ++i)
                gated ? activateGated(m_config.activation, inner.rowSpan(i), up.rowSpan(i))
                      : activate(m_config.activation, inner.rowSpan(i));
        });
        return activated && applyLinear(layer.down, inner, stream, Into::Add, m_context) &&
               (m_preNorm || normRows(layer.mlpNorm, stream, stream));
    });
}

bool ForwardPass::finish()
{
    if (!m_options.hiddenStates && !m_options.logits)
        return !m_context.cancelled();
    if (m_weights.finalNorm && !normRows(*m_weights.finalNorm, m_stream.matrix(), m_stream.matrix()))
        return false;
    if (m_options.logits) {
        m_result.logits = matrixTensor(m_length, m_config.vocabulary);
        const bool done = inChunks([&](Rows rows) {
            return applyLinear({*m_weights.logits, {}}, m_stream.matrix().rowRange(rows.first, rows.second),
                               m_result.logits.matrix().rowRange(rows.first, rows.second), Into::Overwrite, m_context);
        });
        if (!done)
            return false;
    }
    if (m_options.hiddenStates)
        m_result.last = std::move(m_stream);
    return true;
}

} // namespace attnscope
