// SPDX-License-Identifier: GPL-3.0-or-later
// Small pictures of every head's exact map for the layer x head grid.
#pragma once

#include "core/inputs/document.h"

#include <functional>
#include <memory>

namespace attnscope {

/// Cells along a thumbnail's side, at most.
inline constexpr Index kThumbnailCells = 64;

/// Longer inputs show their first positions only: a thumbnail of n = 100,000 would cost n² per head.
inline constexpr Index kThumbnailLength = 1024;

using ThumbnailReady = std::function<void(int layer, int head, std::shared_ptr<const Tensor> cells)>;

/// Calls ready(layer, head, max-pooled cells [1, 1, rows, cols]) for each head of each layer of one batch entry; returns how many.
Result<int> computeThumbnails(const Document& document, Index batch, bool causal, const RunContext& context, const ThumbnailReady& ready);

} // namespace attnscope
