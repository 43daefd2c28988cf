// SPDX-License-Identifier: GPL-3.0-or-later
// The sparse engine: softmax over the keys that each query sees (all of them, a causal prefix, a window), and its map.
#pragma once

#include "core/base/result.h"
#include "core/compute/streaming_softmax.h"
#include "core/method/attention_method.h"

#include <memory>

namespace attnscope {

/// O [B, H, N, Dv] of softmax over the support; Cancelled. Inputs are valid already.
Result<Tensor> runSupportSoftmax(const Inputs& inputs, const KeySupport& support, const RunContext& context);

/// The map of one head: one streaming pass for each row's maximum and sum, O(N) memory; then any block of cells costs its
/// products alone, and what lies outside the support costs nothing. In maps of more than 2^26 pairs that pass is taken by
/// the rows that are read, when they are first read, so that the source is there at once. Cancelled.
Result<std::shared_ptr<const ScoreSource>> makeSupportSource(const Inputs& inputs, HeadRef head, const KeySupport& support,
                                                             Provenance provenance, const RunContext& context);

/// Query-key pairs of one head; O(queries) at worst.
double supportPairs(const KeySupport& support, Index queries);

/// Query-key pairs of one head that full attention looks at.
double fullPairs(const Shape& shape, bool causal);

/// Of all heads: a product with K and one with V a pair; q, k, v and the output moved once; the output and the threads' tiles.
Cost streamingCost(const Shape& shape, double pairs);

} // namespace attnscope
