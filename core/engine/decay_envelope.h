// SPDX-License-Identifier: GPL-3.0-or-later
// How much of a token is left in a recurrent state after so many tokens, where decays differ by token and channel.
#pragma once

#include "core/base/shape.h"
#include "core/method/theory.h"

#include <functional>
#include <string>
#include <vector>

namespace attnscope {

/// 1, 2, 3, ... growing by a quarter, below `tokens`; 0 alone where there is one token.
std::vector<double> theoryDistances(Index tokens);

/// Median and 5 % and 95 % quantiles of e^(G_i - G_(i-d)) over at most 64 tokens i and 64 channels, by distance d. `logDecay` of a
/// token and a channel is g.
std::vector<TheoryCurve> decayEnvelope(Index tokens, Index channels, const std::function<double(Index, Index)>& logDecay,
                                       const std::string& source);

} // namespace attnscope
