// SPDX-License-Identifier: GPL-3.0-or-later
// Gates of recurrent mixers: named arrays of the input where they are there, constants where they aren't.
#pragma once

#include "core/base/result.h"
#include "core/engine/mixer_factors.h"
#include "core/method/inputs.h"

#include <span>
#include <string_view>

namespace attnscope {

/// What a gate may be.
struct GateRule {
    std::span<const std::string_view> names{}; ///< of arrays, the first that is there counts
    double least = 0.0;
    double most = 0.0;
    bool channels = false; ///< one number per channel is allowed, besides one per token
};

/// The gate of query head h as [M or 1, 1 or K] rows: from the input, or the constant, which `into` keeps. InvalidShape where an
/// array has other sizes, InvalidParam where a value leaves [least, most].
Result<MixerFactors::Rows> gateRows(const Inputs& inputs, HeadRef h, const GateRule& rule, double constant, MixerFactors& into);

/// Its value at token t and channel c, as gateRows, in float64 and without checks.
double definedGate(const Inputs& inputs, HeadRef h, const GateRule& rule, double constant, Index t, Index c = 0);

/// The rows of x over their Euclidean lengths; rows of zeros stay.
Tensor unitRows(MatrixView<const float> x);

/// 1 / |x_t| [1, 1, rows, 1], lengths summed in float64; 1 for rows of zeros.
Tensor inverseLengths(MatrixView<const float> x);

/// Bonus gates as weights of the queries' own tokens; none where the only one is 0.
MixerFactors::Rows ownBonus(const MixerFactors::Rows& gates, const MixerFactors& factors);

} // namespace attnscope
