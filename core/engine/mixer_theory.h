// SPDX-License-Identifier: GPL-3.0-or-later
// What theory says of recurrent mixers: how long a decaying state lasts, and how many keys it can tell apart.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/method/inputs.h"
#include "core/method/theory.h"

#include <optional>
#include <string>

namespace attnscope {

/// A constant decay as a curve: e^{g d} over the distance d, and its half-life.
TheoryCurve halfLifeCurve(double logDecay, Index tokens, const std::string& source);

/// Signal to noise of recalling one of m keys from a state without decay: sqrt(d / (m - 1)) for random keys of length 1 and
/// linear attention, beside what m keys of this head give, spread over all tokens, over their lengths; by the delta rule where a
/// strength is given. O(d) times some 10^5 pairs. Cancelled.
Result<TheoryCurve> capacityCurve(const Inputs& inputs, HeadRef head, std::optional<double> deltaStrength, const RunContext& context);

} // namespace attnscope
