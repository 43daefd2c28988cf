// SPDX-License-Identifier: GPL-3.0-or-later
// Some rows of a map as a map of their own, for an export of just these.
#pragma once

#include "core/scores/score_source.h"

#include <memory>
#include <vector>

namespace attnscope {

/// The rows in ascending order, each once; those that `source` lacks are left out.
std::shared_ptr<const ScoreSource> selectRows(std::shared_ptr<const ScoreSource> source, std::vector<Index> rows);

} // namespace attnscope
