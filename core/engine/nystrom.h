// SPDX-License-Identifier: GPL-3.0-or-later
// The Nystrom method of one softmax map: landmarks, the softmax among them, its inverse, and what they say of the error.
#pragma once

#include "core/base/result.h"
#include "core/engine/iterative_pinv.h"
#include "core/engine/landmark.h"
#include "core/method/theory.h"
#include "core/scores/low_rank_source.h"

#include <cstdint>
#include <vector>

namespace attnscope {

struct NystromOptions {
    Index landmarks = 64; ///< at most the queries and keys there are
    LandmarkChoice choice = LandmarkChoice::SegmentMeans;
    int iterations = 6;           ///< -1: the exact pseudo-inverse
    bool sharedColumnSum = false; ///< Z0 is scaled by the largest column sum of all heads, as the official code does
    std::uint64_t seed = 0;
};

/// [landmarks, D] of queries and keys, and A_s = softmax(scale Q~ K~ᵀ).
struct NystromParts {
    DoubleMatrix queries;
    DoubleMatrix keys;
    DoubleMatrix middle;
};

NystromParts nystromParts(const Inputs& inputs, HeadRef head, const NystromOptions& options);

/// The largest column sum of A_s, of this head or of all.
double nystromColumnSum(const Inputs& inputs, const NystromParts& parts, const NystromOptions& options);

/// O [B, H, N, Dv] = softmax(Q K~ᵀ) (Z (softmax(Q~ Kᵀ) V)); Cancelled.
Result<Tensor> runNystrom(const Inputs& inputs, const NystromOptions& options, const RunContext& context);

/// L = softmax(Q K~ᵀ) Z and R = softmax(Q~ Kᵀ)ᵀ; Cancelled.
Result<LowRankFactors> nystromFactors(const Inputs& inputs, HeadRef head, const NystromOptions& options, const RunContext& context);

/// The residual of Z and the error of the map against the number of iterations 0 .. 30; Cancelled.
Result<std::vector<TheoryCurve>> nystromTheory(const Inputs& inputs, HeadRef head, const NystromOptions& options,
                                               const RunContext& context);

} // namespace attnscope
