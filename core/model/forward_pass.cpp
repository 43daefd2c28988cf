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
      m_preNorm(config.family != ModelFamily::Bert),
      m_flops(forwardPassFlops(config, m_length, options))
{
    if (!config.learnedPositions)
        m_rope = RopeTable(config.rope, m_length, context);
    const Index chunk = std::min(m_length, ForwardChunkRows);
    m_stream = matrixTensor(m_length, config.hidden);
    m_mixed = matrixTensor(chunk, config.heads * config.headDim);
    m_queries = Tensor(1, config.heads, chunk, config.headDim);
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

bool ForwardPass::isEnd(Index layer) const { return layer + 1 == layersToRun(m_config, m_options) && endsWithCapture(m_options); }

void ForwardPass::report(Index layer, Index rows)
{
    m_context.report(std::min(1.0, (m_flopsBefore + layerFlops(m_config, layer, rows, m_length)) / std::max(1.0, m_flops)));
}

Result<ForwardResult> ForwardPass::run()
{
    if (auto whole = m_weights.files->checkWhole(); !whole)
        return whole.error();
    bool going = embed();
    for (Index layer = m_options.resume ? m_options.resume->layer : 0; going && layer < layersToRun(m_config, m_options); ++layer) {
        report(layer, 0);
        if (auto whole = m_weights.files->checkWhole(); !whole)
            return whole.error();
        going = runLayer(layer);
        m_flopsBefore += layerFlops(m_config, layer, m_length, m_length);
    }
    if (!going || !finish())
        return cancelledError();
    m_context.report(1.0);
    return std::move(m_result);
}

bool ForwardPass::runLayer(Index index)
{
    prepare(index);
    if (!inChunks([&](Rows rows) { return project(index, rows, captures(index), true) && placeRows(index, rows); }))
        return false;
    if (captures(index))
        m_result.layers[static_cast<std::size_t>(index)] = m_options.captureHead ? m_one : m_layer;
    if (isEnd(index))
        return true;
    if (!inChunks([&](Rows rows) { return changeRows(index, rows); }))
        return false;
    if (captures(index) && !m_options.captureHead)
        m_layer.reset();
    m_one.reset();
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
    if (m_options.resume) {
        std::ranges::copy(m_options.resume->stream.values(), m_stream.data());
        return !m_context.cancelled();
    }
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

// Keys and values of a layer that is not captured take the place of the former one's.
void ForwardPass::prepare(Index index)
{
    const bool one = captures(index) && m_options.captureHead;
    const bool whole = captures(index) && !one;
    const Index window = m_config.windows[static_cast<std::size_t>(index)];
    const auto describe = [&](LayerInputs& layer) {
        layer.causal = m_config.causal;
        layer.window = window < m_length ? window : 0; // as wide as the text it hides nothing
        layer.scale = m_config.scales[static_cast<std::size_t>(index)];
    };
    if (!m_layer)
        m_layer = std::make_shared<LayerInputs>();
    describe(*m_layer);
    if (whole && m_layer->q.empty())
        m_layer->q = Tensor(1, m_config.heads, m_length, m_config.headDim);
    if (!whole)
        m_layer->q = {};
    if (m_layer->k.empty() && !(one && isEnd(index)))
        for (Tensor* heads : {&m_layer->k, &m_layer->v})
            *heads = Tensor(1, m_config.kvHeads, m_length, m_config.headDim);
    if (!one)
        return;
    m_one = std::make_shared<LayerInputs>();
    describe(*m_one);
    m_one->firstHead = *m_options.captureHead;
    m_one->layerHeads = m_config.heads;
    for (Tensor* head : {&m_one->q, &m_one->k, &m_one->v})
        *head = Tensor(1, 1, m_length, m_config.headDim);
}

/// q, k and v of some rows, or a part of them, each in its place in m_projected.
bool ForwardPass::project(Index index, Rows rows, bool queries, bool keysAndValues)
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
        const bool wanted = linear == &layer.q ? queries : keysAndValues;
        if (wanted && !applyLinear(*linear, in, {projected.data + column, count, width, projected.stride}, Into::Overwrite, m_context))
            return false;
        column += width;
    }
    return true;
}

bool ForwardPass::placeRows(Index index, Rows rows)
{
    const auto& layer = m_weights.layers[static_cast<std::size_t>(index)];
    const Index width = m_config.headDim;
    const Index keys = m_config.heads * width;
    const Index values = keys + m_config.kvHeads * width;
    const Index query = m_options.captureHead.value_or(0) * width;
    const Index group = m_options.captureHead.value_or(0) / (m_config.heads / m_config.kvHeads) * width;
    return parallelFor(rows.second, RowGrain, m_context, [&, offset = rows.first](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
            const float* projected = m_projected.matrix().row(i);
            const Index row = offset + i;
            place(projected, row, m_layer->q, row, &layer.qNorm);
            place(projected + keys, row, m_layer->k, row, &layer.kNorm);
            place(projected + values, row, m_layer->v, row, nullptr);
            if (!m_one)
                continue;
            place(projected + query, row, m_one->q, row, &layer.qNorm);
            place(projected + keys + group, row, m_one->k, row, &layer.kNorm);
            place(projected + values + group, row, m_one->v, row, nullptr);
        }
    });
}

/// One position's vectors into row `at` of as many heads as there are; `norm` null: values, which have neither norm nor rotation.
void ForwardPass::place(const float* projected, Index row, Tensor& heads, Index at, const std::optional<Norm>* norm) const
{
    const Index width = m_config.headDim;
    for (Index h = 0; h < heads.heads(); ++h, projected += width) {
        const auto head = heads.matrix({0, h}).rowSpan(at);
        std::copy_n(projected, width, head.begin());
        if (norm && *norm)
            (*norm)->apply(head, head);
        if (norm && !m_config.learnedPositions)
            m_rope.rotate(head.data(), row);
    }
}

/// Of a layer whose queries are not kept.
bool ForwardPass::placeQueries(Index index, Rows rows)
{
    const auto& layer = m_weights.layers[static_cast<std::size_t>(index)];
    return project(index, rows, true, false) &&
           parallelFor(rows.second, RowGrain, m_context, [&, offset = rows.first](Index begin, Index end) {
               for (Index i = begin; i < end; ++i)
                   place(m_projected.matrix().row(i), offset + i, m_queries, i, &layer.qNorm);
           });
}

bool ForwardPass::changeRows(Index index, Rows rows)
{
    if (!attend(index, rows) || !feedForward(index, rows))
        return false;
    report(index, rows.first + rows.second);
    return true;
}

/// Causal queries see no key behind their block, so that its end stands for the keys' end.
Inputs ForwardPass::attentionInputs(Index index, Rows rows) const
{
    const Index last = rows.first + rows.second;
    const auto part = [](TensorView<const float> view, Index first, Index count) {
        view.data += first * view.strides[2];
        view.shape[2] = count;
        return view;
    };
    Inputs inputs;
    inputs.q = m_layer->q.empty() ? part(m_queries.view(), 0, rows.second) : part(m_layer->q.view(), rows.first, rows.second);
    inputs.k = part(m_layer->k.view(), 0, m_config.causal ? last : m_length);
    inputs.v = part(m_layer->v.view(), 0, m_config.causal ? last : m_length);
    inputs.causal = m_config.causal;
    inputs.scale = m_config.scales[static_cast<std::size_t>(index)];
    inputs.window = m_layer->window;
    return inputs;
}

bool ForwardPass::attend(Index index, Rows rows)
{
    const auto& layer = m_weights.layers[static_cast<std::size_t>(index)];
    const bool placed = !m_layer->q.empty() || placeQueries(index, rows);
    const auto mixed = m_mixed.matrix().rowRange(0, rows.second);
    if (!placed || !streamAttention(attentionInputs(index, rows), mixed, m_context))
        return false;
    const auto stream = m_stream.matrix().rowRange(rows.first, rows.second);
    return applyLinear(layer.o, mixed, stream, Into::Add, m_context) && (m_preNorm || normRows(layer.attentionNorm, stream, stream));
}

bool ForwardPass::feedForward(Index index, Rows rows)
{
    const auto& layer = m_weights.layers[static_cast<std::size_t>(index)];
    const bool gated = layer.gate.weight.rows() > 0;
    const Index width = m_config.intermediate;
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
            gated ? activateGated(m_config.activation, inner.rowSpan(i), up.rowSpan(i)) : activate(m_config.activation, inner.rowSpan(i));
    });
    return activated && applyLinear(layer.down, inner, stream, Into::Add, m_context) &&
           (m_preNorm || normRows(layer.mlpNorm, stream, stream));
}

bool ForwardPass::finish()
{
    if (endsWithCapture(m_options)) {
        if (m_options.keepStream)
            m_result.stream = std::make_shared<const LayerStream>(LayerStream{layersToRun(m_config, m_options) - 1, std::move(m_stream)});
        return !m_context.cancelled();
    }
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
