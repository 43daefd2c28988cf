// SPDX-License-Identifier: GPL-3.0-or-later
// What Performer's parameters mean: which map, how many frequencies, which draw of them.
#pragma once

#include "core/engine/random_features.h"
#include "core/method/params.h"

#include <cstdint>

namespace attnscope {

inline RandomMap performerMap(const Params& params) { return randomMapOf(params.text("map")); }

/// Frequencies, so that there are as many feature columns as asked for (one more where an odd number has to be halved).
Index performerFrequencies(const Params& params);

/// Every redraw is a seed of its own; number 0 is the method's seed itself.
std::uint64_t performerSeed(const Params& params);

/// Whether features are stabilised as in the published code, which ReLU maps don't need.
bool performerIsOfficial(const Params& params);

} // namespace attnscope
