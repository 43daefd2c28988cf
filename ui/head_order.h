// SPDX-License-Identifier: GPL-3.0-or-later
// The orders in which the head grid can show the heads.
#pragma once

#include "core/session/head_stats.h"

#include <QStringList>

#include <optional>
#include <vector>

namespace attnscope {

enum class HeadOrder { Place, Entropy, FirstToken, PreviousToken, ApproximationError };

/// "layer and head", "entropy, lowest first" ..., one per HeadOrder.
QStringList headOrderNames();

/// Indices of heads in that order; those that aren't measured yet come last. Equal ones stay as they are.
/// `errors` are those of the approximation, one a head.
std::vector<std::size_t> orderedHeads(HeadOrder order, const std::vector<std::optional<HeadStats>>& stats,
                                      const std::vector<std::optional<double>>& errors = {});

} // namespace attnscope
