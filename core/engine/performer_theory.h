// SPDX-License-Identifier: GPL-3.0-or-later
// What theory says of random features on given inputs: variances pair by pair, beside fresh draws on the same pairs.
#pragma once

#include "core/base/result.h"
#include "core/engine/projection.h"
#include "core/engine/random_features.h"
#include "core/method/inputs.h"
#include "core/method/theory.h"

#include <cstdint>
#include <vector>

namespace attnscope {

/// How the features are drawn whose variance is asked for.
struct FeatureDraw {
    RandomMap map = RandomMap::Positive;
    Projection projection = Projection::Orthogonal;
    double a = 0.0; ///< of FAVOR++
    std::uint64_t seed = 0;
};

/// For x = sqrt(scale) q_i, y = sqrt(scale) k_j given by |x + y|², |x - y|² and the width: E (estimate / exp(x . y) - 1)² with `count`
/// iid frequencies. Choromanski et al. 2021, lemma 2; of FAVOR++ Likhosherstov et al. 2022. Infinity where it overflows.
double relativeVariance(RandomMap map, double sumSquare, double gapSquare, double a, Index dim, Index count);

/// The curves of `features`: the relative RMS error of exp(x . y) over sampled visible pairs, predicted by lemma 2 and measured
/// with fresh draws; theorem 2's bound where it applies; how many features a relative deviation of 100 % takes. Cancelled.
Result<std::vector<TheoryCurve>> randomFeatureTheory(const Inputs& inputs, HeadRef head, const FeatureDraw& draw,
                                                     const RunContext& context);

/// `count` pairs (query, key) of one head that the mask admits, from the seed.
std::vector<std::pair<Index, Index>> sampledPairs(const Inputs& inputs, Index count, std::uint64_t seed);

} // namespace attnscope
