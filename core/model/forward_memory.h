// SPDX-License-Identifier: GPL-3.0-or-later
// How much memory a forward pass needs, known before it starts.
#pragma once

#include "core/model/transformer.h"

namespace attnscope {

/// Rows of the residual stream that go through a linear layer at a time.
inline constexpr Index ForwardChunkRows = 512;

/// q, k and v of one layer.
double layerInputBytes(const ModelConfig& config, Index length);

/// Everything forward() allocates at its peak, what it returns included.
double forwardPassBytes(const ModelConfig& config, Index length, const ForwardOptions& options);

} // namespace attnscope
