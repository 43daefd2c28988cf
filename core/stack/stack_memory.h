// SPDX-License-Identifier: GPL-3.0-or-later
// What an architecture holds in memory: KV cache, recurrent state and weights, in bytes.
#pragma once

#include "core/stack/architecture.h"

namespace attnscope {

/// KV cache that one more token adds to one layer while its window isn't full: 2 Hkv dh s, or (latent + rope) s.
double kvBytesPerToken(const AttentionShape& attention, Index elementBytes);

/// The same of all layers together, for one sequence.
double kvBytesPerToken(const Architecture& architecture);

/// KV cache of one sequence of n tokens; windows stop growing.
double kvBytes(const Architecture& architecture, double n);

/// State of one sequence: H K V fp32 and (taps - 1) channels s for each recurrent layer; independent of its length.
double stateBytes(const Architecture& architecture);
double stateBytes(const RecurrentShape& recurrent, Index elementBytes);

/// Tokens whose KV cache takes as many bytes as the fixed state; 0 where there is no cache.
double stateInTokens(const Architecture& architecture);

/// Weights of matrix products (and short convolutions). Norms and biases are left out: below 0.1 % in every known model.
struct LayerParameters {
    double mixer = 0.0;
    double recurrent = 0.0;
    double ffn = 0.0;       ///< all experts
    double ffnActive = 0.0; ///< what one token visits
};
LayerParameters parametersOf(const StackLayer& layer, Index hidden);

struct StackParameters {
    double total = 0.0;     ///< with embeddings; shared weights once
    double active = 0.0;    ///< in the products of one token, without embeddings and without the output head; shared weights each time
    double head = 0.0;      ///< output head, vocabulary x hidden
    double embedding = 0.0; ///< input table and learned positions; 0 for the table where it is the head
};
StackParameters parametersOf(const Architecture& architecture);

/// Weights that one decoding step of `batch` sequences reads, in elements: the head too, and of E experts with k active
/// E (1 - (1 - k/E)^batch) on average. Shared weights each time.
double parametersRead(const Architecture& architecture, double batch);

} // namespace attnscope
