// SPDX-License-Identifier: GPL-3.0-or-later
// What Linformer's theorems speak of, and the best values that its weights allow: maps that need the exact one, O(n² k).
#pragma once

#include "core/engine/double_matrix.h"
#include "core/engine/sequence_projection.h"
#include "core/method/theory.h"
#include "core/scores/low_rank_source.h"

#include <cstdint>
#include <vector>

namespace attnscope {

/// P Rᵀ R with the exact map P and R = F: the estimator of Wang et al., arXiv:2006.04768, theorem 1. Cancelled.
Result<LowRankFactors> projectedSoftmax(const Inputs& inputs, HeadRef head, const SequenceProjection& projection,
                                        const RunContext& context);

/// The keys mixed by E in float64, [rank, dim]; E is not made of maxima.
DoubleMatrix pooledKeys(const Inputs& inputs, HeadRef head, const SequenceProjection& projection);

/// P̄ F* with P̄ = softmax(scale Q (E K)ᵀ) and F* = argmin_F |A - P̄ F|_F = P̄⁺ A: A projected on what P̄ spans. Cancelled.
Result<LowRankFactors> bestValues(const Inputs& inputs, HeadRef head, const SequenceProjection& projection, const RunContext& context);

/// How many rows theorem 1 asks for, and the closed form of its estimator's error beside what drawn
/// projections give, and what theorem 2 bounds beside what an output of zero gives. Cancelled.
Result<std::vector<TheoryCurve>> linformerTheory(const Inputs& inputs, HeadRef head, Index rank, std::uint64_t seed,
                                                 const RunContext& context);

} // namespace attnscope
