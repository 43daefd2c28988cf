// SPDX-License-Identifier: GPL-3.0-or-later
// A coarse picture of a long map from a few of its rows: what can be shown at once where the exact overview takes long.
#pragma once

#include "core/scores/score_source.h"

namespace attnscope {

/// Rows of each output row that an estimate reads: neighbours, which cost little more than one.
inline constexpr Index kPreviewRows = 8;

/// The whole map at `level`, out [pooledSize(rows), pooledSize(cols)]: each output cell pools kPreviewRows rows of its cells, at a
/// place that differs from one output row to the next, over all of its columns. So a largest value is no larger than the exact
/// one, and a mean is that of a sample. O(cells / 2^level) reads. Cancelled, or what the source says.
Result<void> estimateMap(const ScoreSource& source, Pool pool, int level, MatrixView<float> out, const RunContext& context);

} // namespace attnscope
