// SPDX-License-Identifier: GPL-3.0-or-later
// The map closest to softmax attention among all that a low-rank method's own factors could be combined to.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/method/inputs.h"
#include "core/scores/low_rank_source.h"

namespace attnscope {

/// Directions of a factor, its columns made equally long, that are weaker than this next to the strongest one are left out: they are
/// no more than rounding of float32.
inline constexpr double kLeastDirection = 1e-5;

/// argmin over M of |A - L M Rᵀ|_F, M = L⁺ A (Rᵀ)⁺, as factors L M and R in orthonormal coordinates; by one call of exact attention
/// with those of R for values. Cancelled.
Result<LowRankFactors> bestCore(const Inputs& inputs, HeadRef head, const LowRankFactors& factors, const RunContext& context);

/// Bytes and floating-point operations of one head, for factors of `rank` columns.
double bestCoreBytes(const Shape& shape, Index rank);
double bestCoreFlops(const Shape& shape, Index rank);

} // namespace attnscope
