// SPDX-License-Identifier: GPL-3.0-or-later
// Seeded q, k, v with known statistics, the same on every machine: the suites S1 to S4, and planted patterns with a known map.
#pragma once

#include "core/inputs/document.h"

#include <cstdint>

namespace attnscope {

struct GeneratorInfo {
    std::string id;
    std::string title;
    std::string help; ///< one sentence
};

/// s1 iid N(0,1); s2 the same times 0.5; s3 smooth functions of position plus noise; s4 sixteen clusters plus noise; planted.
const std::vector<GeneratorInfo>& generators();

struct GeneratorChoice {
    std::string id = "s1";
    Index length = 1024;
    Index dim = 64; ///< of q, k and v; planted sets its own
    Index heads = 1;
    bool causal = false; ///< planted is always causal
    std::uint64_t seed = 0;
};

/// q, k, v [1, heads, length, dim]; InvalidParam for an unknown id, a size below 1, or one that a generator can't make.
Result<std::shared_ptr<const LayerInputs>> generateInputs(const GeneratorChoice& choice);

/// The four heads of planted inputs; further heads repeat them.
enum class PlantedPattern { PreviousToken, Sink, LongRangePair, Induction };
inline PlantedPattern plantedPattern(Index head) { return static_cast<PlantedPattern>(head % 4); }

/// Where query `i` of `length` looks, and with how much of its attention; the rest is spread evenly over the other keys it sees.
struct PlantedTarget {
    Index key = 0;
    double mass = 0.0; ///< 0: no target, all keys that it sees weigh the same
};
PlantedTarget plantedTarget(PlantedPattern pattern, Index i, Index length);

/// Entry (i, j) of the exact causal softmax map of a planted head.
double plantedWeight(PlantedPattern pattern, Index i, Index j, Index length);

/// Labels for planted inputs: a sequence of words whose second half repeats the first, as the induction head needs.
std::vector<std::string> plantedTokens(Index length);

} // namespace attnscope
