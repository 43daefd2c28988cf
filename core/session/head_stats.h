// SPDX-License-Identifier: GPL-3.0-or-later
// A few numbers of a head's exact map that cost little for all heads: what the layer x head grid is ordered by.
#pragma once

#include "core/scores/score_source.h"

namespace attnscope {

/// Rows that are read at most, spread evenly.
inline constexpr Index kHeadStatsRows = 64;

/// Means over the rows read. Row 0 is left out where there are others: a causal one has one key only.
struct HeadStats {
    double entropy = 0.0;        ///< of a row, nats
    double firstWeight = 0.0;    ///< on key 0, the attention sink
    double previousWeight = 0.0; ///< on the key before the query's own
};

/// Of a map whose rows sum to one. Cancelled, and what read() refuses.
Result<HeadStats> headStats(const ScoreSource& map, const RunContext& context);

} // namespace attnscope
