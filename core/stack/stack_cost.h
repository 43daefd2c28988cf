// SPDX-License-Identifier: GPL-3.0-or-later
// Floating-point operations and bytes moved by an architecture's prefill and by one decoding step.
#pragma once

#include "core/stack/architecture.h"

namespace attnscope {

/// Chunk length of the recurrent mixers' prefill, as the public kernels take it.
inline constexpr double kMixerChunk = 64.0;

/// What a cost consists of: products with weights in three parts, attention with its cache, recurrent mixers with their state.
struct CostTerms {
    double projections = 0.0; ///< to q, k, v, gates and back, of attention and recurrent mixers
    double ffn = 0.0;
    double head = 0.0;      ///< output head
    double attention = 0.0; ///< scores and values; the cache
    double state = 0.0;     ///< recurrent mixers
    double weights() const { return projections + ffn + head; }
    double sum() const { return weights() + attention + state; }
    CostTerms operator*(double factor) const
    {
        return {projections * factor, ffn * factor, head * factor, attention * factor, state * factor};
    }
};

/// (query, key) pairs that a layer of this attention scores while `fresh` tokens are read after `past` ones; n^2 / 2 for n at once.
double attentionPairs(const AttentionShape& attention, double past, double fresh);

/// FLOP of reading `fresh` tokens after `past` ones, for each of `batch` sequences: 2 p per token, and the mixers: full attention
/// 4 Hq dh (past fresh + fresh^2 / 2), windows their reach, recurrent mixers by chunks. The output head runs for one token.
CostTerms prefillFlopTerms(const Architecture& architecture, double batch, double past, double fresh);
double prefillFlops(const Architecture& architecture, double batch, double past, double fresh);

/// Bytes that the same moves at least: all weights once, the cache written and, of the past, read once, the state read and written.
CostTerms prefillByteTerms(const Architecture& architecture, double batch, double past, double fresh);
double prefillBytes(const Architecture& architecture, double batch, double past, double fresh);

/// FLOP of one token for each sequence, with n tokens in the cache.
CostTerms decodeFlopTerms(const Architecture& architecture, double batch, double n);
double decodeFlops(const Architecture& architecture, double batch, double n);

/// Bytes that a decoding step moves, by the same parts.
CostTerms decodeByteTerms(const Architecture& architecture, double batch, double n);

struct DecodeBytes {
    double weights = 0.0; ///< once a step; of experts those that the batch hits on average
    double kv = 0.0;      ///< the cache as far as it is seen
    double state = 0.0;   ///< read and written
    double sum() const { return weights + kv + state; }
};
DecodeBytes decodeBytes(const Architecture& architecture, double batch, double n);

} // namespace attnscope
