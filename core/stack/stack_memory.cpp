// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_memory.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

double d(Index value) { return static_cast<double>(value); }

double attentionParameters(const AttentionShape& a, double hidden)
{
    if (a.kind == AttentionKind::None)
        return 0.0;
    const double heads = d(a.heads);
    if (a.latent) {
        const auto& m = *a.latent;
        const double queryWidth = heads * d(m.nopeDim + m.ropeDim);
        const double queries = m.queryLatent > 0 ? d(m.queryLatent) * (hidden + queryWidth) : hidden * queryWidth;
        return queries + hidden * d(m.latent + m.ropeDim) + d(m.latent) * heads * d(m.nopeDim + m.valueDim) +
               heads * d(m.valueDim) * hidden;
    }
    const double in = d(a.inputDim);
    const double width = heads * d(a.headDim);
    return in * width * (a.outputGate ? 2.0 : 1.0) + 2.0 * in * d(a.kvHeads * a.headDim) + width * hidden;
}

double stateSpaceParameters(const RecurrentShape& r, double hidden)
{
    const double inner = d(r.heads * r.valueDim);
    if (r.method == "mamba1")
        return 2.0 * hidden * inner + inner * d(r.stepRank + 2 * r.keyDim) + d(r.stepRank) * inner + inner * hidden;
    if (r.method == "mamba2")
        return hidden * (2.0 * inner + 2.0 * d(r.groups * r.keyDim) + d(r.heads)) + inner * hidden;
    const double angles = r.heads > 0 ? d(r.extraFloats / r.heads) : 0.0;
    return hidden * (2.0 * inner + 2.0 * d(r.keyDim * r.groups * r.rank) + 3.0 * d(r.heads) + angles) + inner * hidden;
}

double recurrentParameters(const RecurrentShape& r, double hidden)
{
    const double keys = d((r.keyHeads > 0 ? r.keyHeads : r.heads) * r.keyDim);
    const double values = d(r.heads * r.valueDim);
    if (r.method.starts_with("mamba"))
        return stateSpaceParameters(r, hidden);
    if (r.method == "conv")
        return 4.0 * hidden * hidden;
    if (r.method == "rg-lru")
        return 2.0 * hidden * values + 2.0 * values * values / d(r.gateBlocks) + values * hidden;
    if (r.method == "kda") // q, k, v, out; the gates f and g of low rank; beta
        return hidden * (2.0 * keys + values) + d(r.keyDim) * (hidden + keys) + d(r.valueDim) * (hidden + values) + hidden * d(r.heads) +
               values * hidden;
    if (r.method == "gated-deltanet")
        return hidden * (2.0 * keys + 2.0 * values) + hidden * 2.0 * d(r.heads) + values * hidden;
    if (r.method == "deltanet" || r.method == "linear" || r.method == "rwkv4" || r.method == "rwkv7")
        return hidden * (2.0 * keys + values) + values * hidden;
    return hidden * (2.0 * keys + 2.0 * values) + values * hidden; // with an output gate: retention, gla, lightning, rwkv6
}

void addFfn(LayerParameters& p, const FfnShape& ffn, double hidden)
{
    const double matrices = ffn.gated ? 3.0 : 2.0;
    if (ffn.kind == FfnKind::Dense)
        p.ffn = p.ffnActive = matrices * hidden * d(ffn.width);
    if (ffn.kind == FfnKind::Moe) {
        const double expert = matrices * hidden * d(ffn.width);
        const double always = matrices * hidden * d(ffn.sharedWidth) + hidden * d(ffn.experts);
        p.ffn = d(ffn.experts) * expert + always;
        p.ffnActive = d(ffn.active) * expert + always;
    }
}

} // namespace

double kvBytesPerToken(const AttentionShape& attention, Index elementBytes)
{
    if (attention.kind == AttentionKind::None)
        return 0.0;
    const double numbers =
        attention.latent ? d(attention.latent->latent + attention.latent->ropeDim) : 2.0 * d(attention.kvHeads * attention.headDim);
    return numbers * d(elementBytes);
}

double kvBytesPerToken(const Architecture& architecture)
{
    double bytes = 0.0;
    for (const auto& layer : architecture.layers)
        bytes += kvBytesPerToken(layer.attention, architecture.elementBytes);
    return bytes;
}

double kvBytes(const Architecture& architecture, double n)
{
    double bytes = 0.0;
    for (const auto& layer : architecture.layers) {
        const double kept = layer.attention.window > 0 ? std::min(n, d(layer.attention.window)) : n;
        bytes += kept * kvBytesPerToken(layer.attention, architecture.elementBytes);
    }
    return bytes;
}

double stateBytes(const RecurrentShape& r, Index elementBytes)
{
    const double floats = d(r.heads) * d(r.keyDim) * d(r.valueDim) + d(r.extraFloats);
    const double elements = d(r.convChannels) * d(std::max<Index>(r.convTaps - 1, 0)) + d(r.extraElements);
    return 4.0 * floats + d(elementBytes) * elements;
}

double stateBytes(const Architecture& architecture)
{
    double bytes = 0.0;
    for (const auto& layer : architecture.layers)
        if (layer.recurrent)
            bytes += stateBytes(*layer.recurrent, architecture.elementBytes);
    return bytes;
}

double stateInTokens(const Architecture& architecture)
{
    const double perToken = kvBytesPerToken(architecture);
    return perToken > 0.0 ? stateBytes(architecture) / perToken : 0.0;
}

LayerParameters parametersOf(const StackLayer& layer, Index hidden)
{
    LayerParameters p;
    p.mixer = attentionParameters(layer.attention, d(hidden)) + d(layer.joinDim) * d(layer.joinDim);
    if (layer.recurrent)
        p.recurrent = recurrentParameters(*layer.recurrent, d(hidden)) + d(layer.recurrent->convChannels) * d(layer.recurrent->convTaps);
    addFfn(p, layer.ffn, d(hidden));
    return p;
}

StackParameters parametersOf(const Architecture& a)
{
    StackParameters sum;
    sum.head = d(a.vocabulary) * d(a.hidden);
    sum.embedding = d(a.positions) * d(a.hidden) + (a.tiedEmbeddings ? 0.0 : sum.head);
    sum.total = sum.head + sum.embedding;
    for (const auto& layer : a.layers) {
        const auto p = parametersOf(layer, a.hidden);
        sum.active += p.mixer + p.recurrent + p.ffnActive;
        sum.total += p.recurrent + (layer.sharedWith ? d(layer.joinDim) * d(layer.joinDim) : p.mixer + p.ffn);
    }
    return sum;
}

double parametersRead(const Architecture& a, double batch)
{
    const auto all = parametersOf(a);
    double read = all.active + all.head;
    for (const auto& layer : a.layers) {
        if (layer.ffn.kind != FfnKind::Moe)
            continue;
        const auto p = parametersOf(layer, a.hidden);
        const double expert = (p.ffn - p.ffnActive) / std::max(1.0, d(layer.ffn.experts - layer.ffn.active));
        const double hit = d(layer.ffn.experts) * (1.0 - std::pow(1.0 - d(layer.ffn.active) / d(layer.ffn.experts), batch));
        read += expert * (hit - d(layer.ffn.active));
    }
    return read;
}

} // namespace attnscope
