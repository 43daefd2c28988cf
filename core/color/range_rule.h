// SPDX-License-Identifier: GPL-3.0-or-later
// Colour ranges from the values that are drawn: quantiles, and mean with three standard deviations.
#pragma once

#include "core/color/color_scale.h"

#include <optional>
#include <utility>
#include <vector>

namespace attnscope {

enum class RangeRule { Full, Percent999, Percent99, ThreeSigma };

/// The range that a rule gives for `values` (finite ones; any order), in the space of `scale`: on a log scale three standard
/// deviations of the logarithm. Full and Percent*: the central share of the values, ends included. Never wider than the values,
/// never below kLogFloor on a log scale. None where fewer than two different values remain.
std::optional<std::pair<double, double>> rangeBy(RangeRule rule, std::vector<float> values, const ColorScale& scale);

} // namespace attnscope
