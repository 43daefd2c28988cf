// SPDX-License-Identifier: GPL-3.0-or-later
// The best rank-r approximation of one head's exact softmax map: dense where the map is small, randomised where it is not.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/method/inputs.h"
#include "core/scores/low_rank_source.h"

#include <cstdint>

namespace attnscope {

/// Maps of at most this many queries and keys are decomposed densely in float64.
inline constexpr Index kDenseSvdSide = 768;

/// Extra columns of the random sketch, and its power iterations.
inline constexpr Index kSketchExtra = 10;
inline constexpr int kPowerIterations = 2;

inline bool usesDenseSvd(Index queries, Index keys) { return queries <= kDenseSvdSide && keys <= kDenseSvdSide; }

/// L [N, r] and R [M, r] with L Rᵀ = A_r. Dense: the projection of A on its leading singular space, from the eigenvectors of
/// the smaller Gram matrix in float64. Else: randomised subspace iteration (Halko, Martinsson, Tropp, SIAM Review 2011,
/// arXiv:0909.4061, algorithm 4.4) in 2 q + 2 streaming passes over the map; `seed` picks the sketch. Cancelled.
Result<LowRankFactors> truncatedSoftmax(const Inputs& inputs, HeadRef head, Index rank, std::uint64_t seed, const RunContext& context);

} // namespace attnscope
