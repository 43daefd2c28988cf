// SPDX-License-Identifier: GPL-3.0-or-later
// How much memory and arithmetic a forward pass needs, known before it starts.
#pragma once

#include "core/model/transformer.h"

namespace attnscope {

/// Rows of the residual stream that go through a layer at a time.
inline constexpr Index ForwardChunkRows = 512;

/// q, k and v of one layer.
double layerInputBytes(const ModelConfig& config, Index length);

/// What is captured of one layer: all heads, or one with its keys and values.
double capturedBytes(const ModelConfig& config, Index length, const ForwardOptions& options);

/// Everything forward() allocates at its peak, what it returns included.
double forwardPassBytes(const ModelConfig& config, Index length, const ForwardOptions& options);

/// Attention and feed-forward step of the first `rows` queries of a text of `length` tokens; 2 FLOP a multiplication.
double layerFlops(const ModelConfig& config, Index layer, Index rows, Index length);

/// Everything forward() computes.
double forwardPassFlops(const ModelConfig& config, Index length, const ForwardOptions& options);

/// How many layers must be looked at, counted from the first.
Index layersToRun(const ModelConfig& config, const ForwardOptions& options);

/// Nothing behind the last captured layer is asked for, so that its attention needs not be computed.
bool endsWithCapture(const ForwardOptions& options);

} // namespace attnscope
