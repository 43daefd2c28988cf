// SPDX-License-Identifier: GPL-3.0-or-later
// The metrics of a comparison over some queries alone: those that a filter leaves.
#pragma once

#include "core/session/evaluation.h"

#include <vector>

namespace attnscope {

/// As measure(); `rows` ascending, each once, not empty, all in the map, else InvalidParam.
Result<ComparisonMetrics> measureRows(const Comparison& comparison, const std::vector<Index>& rows, const RunContext& context);

} // namespace attnscope
