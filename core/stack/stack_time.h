// SPDX-License-Identifier: GPL-3.0-or-later
// Time of a prompt and of one decoding step: by a card's ceilings, or composed of kernels measured on this machine.
#pragma once

#include "core/stack/card.h"
#include "core/stack/stack_cost.h"

namespace attnscope {

/// What the time is bound by.
enum class Bound {
    Arithmetic,
    Traffic, ///< of memory
    Floor    ///< fixed cost of starting a step's kernels
};
std::string nameOf(Bound bound); ///< "arithmetic", "memory traffic", "the fixed cost of a step"

struct PredictedTime {
    double ms = 0.0;
    double lowMs = 0.0; ///< the card's stated uncertainty, or the quartiles of the measured kernels' repeats
    double highMs = 0.0;
    CostTerms terms; ///< ms; together `ms`, less where the floor bounds
    Bound bound = Bound::Arithmetic;
    bool extrapolated = false; ///< beyond the lengths at which kernels were measured; of ceilings never
};

/// Reading `fresh` tokens after `past` ones, for each of `batch` sequences. By ceilings, the larger of FLOP over the rate and bytes
/// over the bandwidth; by kernels, their sum.
PredictedTime prefillTime(const Architecture& architecture, const Card& card, double batch, double past, double fresh);

/// One token for each sequence, with n tokens in the cache.
PredictedTime decodeTime(const Architecture& architecture, const Card& card, double batch, double n);

} // namespace attnscope
