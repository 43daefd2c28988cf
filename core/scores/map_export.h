// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of a map as CSV or NPY, streamed by rows: any size, exact float32.
#pragma once

#include "core/scores/score_source.h"

#include <filesystem>

namespace attnscope {

/// Cells of `block` at its level; numbers are the shortest that read back as the same float32, rows are lines, no header.
/// Cancelled, Io (and then nothing is left behind).
Result<void> writeMapCsv(const ScoreSource& source, const Block& block, Pool pool, const std::filesystem::path& path,
                         const RunContext& context);

/// The same as a float32 .npy of shape [block.rows, block.cols].
Result<void> writeMapNpy(const ScoreSource& source, const Block& block, Pool pool, const std::filesystem::path& path,
                         const RunContext& context);

} // namespace attnscope
