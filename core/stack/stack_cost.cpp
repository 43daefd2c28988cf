// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_cost.h"

#include "core/stack/stack_memory.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

double d(Index value) { return static_cast<double>(value); }

/// Keys seen by all queries of the first n positions together, n^2 / 2 without a window.
double pairsSeen(const AttentionShape& a, double n)
{
    const double w = d(a.window);
    if (w <= 0.0)
        return n * n / 2.0;
    if (a.kind == AttentionKind::Chunked) {
        const double rest = std::fmod(n, w);
        return ((n - rest) * w + rest * rest) / 2.0;
    }
    return n <= w ? n * n / 2.0 : w * n - w * w / 2.0;
}

/// Widths of key and value together, over which each visible pair is multiplied and added.
double pairWidth(const AttentionShape& a)
{
    return a.latent ? d(a.latent->nopeDim + a.latent->ropeDim + a.latent->valueDim) : 2.0 * d(a.headDim);
}

/// One token, per head; beyond the matrix products.
double recurrentDecode(const RecurrentShape& r)
{
    const double kv = d(r.keyDim * r.valueDim);
    if (r.method == "mamba1")
        return 9.0 * kv;
    if (r.method == "rwkv7")
        return 9.0 * kv;
    if (r.method == "deltanet" || r.method == "gated-deltanet" || r.method == "kda")
        return 8.0 * kv;
    if (r.method == "gla" || r.method == "hgrn2" || r.method == "rwkv6")
        return 6.0 * kv;
    if (r.method == "mamba3")
        return r.rank > 1 ? (3.0 + 4.0 * d(r.rank)) * kv : 7.0 * kv;
    return r.method == "conv" ? 0.0 : 5.0 * kv;
}

/// Per token and head while reading a prompt in chunks of C = kMixerChunk, as public kernels work: on whole C x C tiles, causal or not.
/// AttentionMethod::cost() counts what of that is of use, down to half.
double recurrentPrefill(const RecurrentShape& r)
{
    const double k = d(r.keyDim);
    const double v = d(r.valueDim);
    constexpr double c = kMixerChunk;
    const double linear = 2.0 * c * k + 2.0 * c * v + 4.0 * k * v;
    const double delta = 6.0 * c * k + 4.0 * c * v + 6.0 * k * v + c * c;
    if (r.method == "mamba1" || r.method == "rg-lru" || r.method == "rwkv4" || r.method == "conv")
        return recurrentDecode(r); // scanned, not multiplied
    if (r.method == "deltanet" || r.method == "gated-deltanet" || r.method == "kda")
        return delta;
    if (r.method == "rwkv7")
        return 1.5 * delta;
    if (r.method == "gla" || r.method == "hgrn2" || r.method == "rwkv6")
        return linear + 2.0 * c * k;
    if (r.method == "mamba3" && r.rank > 1)
        return (2.0 * c * k + 2.0 * c * v) * d(r.rank * r.rank) + 4.0 * k * v * d(r.rank);
    return linear;
}

double recurrentFlops(const StackLayer& layer, double perHead)
{
    const auto& r = *layer.recurrent;
    return d(r.heads) * perHead + 2.0 * d(r.convChannels * r.convTaps);
}

/// Parameters in the products of one token, without the output head.
CostTerms weightTerms(const Architecture& a)
{
    CostTerms terms;
    for (const auto& layer : a.layers) {
        const auto p = parametersOf(layer, a.hidden);
        terms.projections += p.mixer + p.recurrent;
        terms.ffn += p.ffnActive;
    }
    return terms;
}

/// Weights that `tokens` read together, and the given cache and state.
CostTerms bytesOf(const Architecture& a, double tokens, double cache, double state)
{
    const double size = d(a.elementBytes);
    CostTerms terms{weightTerms(a).projections * size, 0.0, parametersOf(a).head * size, cache, state};
    terms.ffn = parametersRead(a, tokens) * size - terms.projections - terms.head;
    return terms;
}

} // namespace

double attentionPairs(const AttentionShape& attention, double past, double fresh)
{
    return pairsSeen(attention, past + fresh) - pairsSeen(attention, past);
}

CostTerms prefillFlopTerms(const Architecture& a, double batch, double past, double fresh)
{
    CostTerms flops = weightTerms(a) * (2.0 * fresh);
    flops.head = 2.0 * parametersOf(a).head;
    for (const auto& layer : a.layers) {
        if (layer.attention.kind != AttentionKind::None)
            flops.attention += 2.0 * d(layer.attention.heads) * pairWidth(layer.attention) * attentionPairs(layer.attention, past, fresh);
        if (layer.recurrent)
            flops.state += fresh * recurrentFlops(layer, recurrentPrefill(*layer.recurrent));
    }
    return flops * batch;
}

double prefillFlops(const Architecture& a, double batch, double past, double fresh)
{
    return prefillFlopTerms(a, batch, past, fresh).sum();
}

CostTerms prefillByteTerms(const Architecture& a, double batch, double past, double fresh)
{
    return bytesOf(a, batch * fresh, batch * (kvBytes(a, past) + kvBytes(a, fresh)), batch * 2.0 * stateBytes(a));
}

double prefillBytes(const Architecture& a, double batch, double past, double fresh)
{
    return prefillByteTerms(a, batch, past, fresh).sum();
}

CostTerms decodeFlopTerms(const Architecture& a, double batch, double n)
{
    CostTerms flops = weightTerms(a) * 2.0;
    flops.head = 2.0 * parametersOf(a).head;
    for (const auto& layer : a.layers) {
        const auto& attention = layer.attention;
        if (attention.kind != AttentionKind::None) {
            const double seen = attention.window > 0 ? std::min(n, d(attention.window)) : n;
            // Latent attention scores against the latents themselves and adds those up.
            const double width = attention.latent ? d(2 * attention.latent->latent + attention.latent->ropeDim) : pairWidth(attention);
            flops.attention += 2.0 * d(attention.heads) * width * seen;
        }
        if (layer.recurrent)
            flops.state += recurrentFlops(layer, recurrentDecode(*layer.recurrent));
    }
    return flops * batch;
}

double decodeFlops(const Architecture& a, double batch, double n) { return decodeFlopTerms(a, batch, n).sum(); }

CostTerms decodeByteTerms(const Architecture& a, double batch, double n)
{
    return bytesOf(a, batch, batch * kvBytes(a, n), 2.0 * batch * stateBytes(a));
}

DecodeBytes decodeBytes(const Architecture& a, double batch, double n)
{
    return {d(a.elementBytes) * parametersRead(a, batch), batch * kvBytes(a, n), 2.0 * batch * stateBytes(a)};
}

} // namespace attnscope
