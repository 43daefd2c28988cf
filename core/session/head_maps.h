// SPDX-License-Identifier: GPL-3.0-or-later
// The exact maps of all heads of a document, one after the other: for the layer x head grid.
#pragma once

#include "core/inputs/document.h"
#include "core/scores/score_source.h"

#include <functional>
#include <memory>

namespace attnscope {

/// Longer inputs show their first positions only: the whole map of n = 100,000 would cost n² per head.
inline constexpr Index kHeadMapLength = 1024;

/// The first kHeadMapLength positions of one head.
Inputs firstPositions(const std::shared_ptr<const LayerInputs>& layer, HeadRef ref, bool causal);

using UseHeadMap = std::function<Result<void>(int layer, int head, std::shared_ptr<const ScoreSource> map)>;

/// Calls use(layer, head, map) for each head of each layer of one batch entry and returns how many; stops at its first error.
Result<int> forEachHeadMap(const Document& document, Index batch, bool causal, const RunContext& context, const UseHeadMap& use);

} // namespace attnscope
