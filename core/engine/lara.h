// SPDX-License-Identifier: GPL-3.0-or-later
// Linear randomized attention: a few proposals of random-feature attention, each weighed for each query.
#pragma once

#include "core/base/result.h"
#include "core/method/inputs.h"
#include "core/method/theory.h"
#include "core/scores/low_rank_source.h"

#include <string_view>
#include <vector>

namespace attnscope {

/// How the proposals share a query (multiple importance sampling).
enum class LaraWeights {
    Optimal,  ///< balance heuristic corrected by each proposal's fit to the query
    Balanced, ///< the balance heuristic alone
    Biased,   ///< the balance heuristic times exp(scale mu . q)
};

/// "optimal", "balanced", "biased"; Optimal for anything else.
LaraWeights laraWeightsOf(std::string_view name);

struct LaraOptions {
    Index proposals = 49; ///< at most the queries and keys there are
    LaraWeights weights = LaraWeights::Optimal;
};

/// O [B, H, N, Dv]; Cancelled. Zheng, Wang, Kong, Linear Complexity Randomized Self-attention Mechanism, ICML 2022,
/// arXiv:2204.04667, section 4, without noise: w_c = mu_c = q_c + k_c of segment means, as the official code does in evaluation.
Result<Tensor> runLara(const Inputs& inputs, const LaraOptions& options, const RunContext& context);

/// L: each query's weights of the proposals; R: each proposal's softmax over the keys; Cancelled.
Result<LowRankFactors> laraFactors(const Inputs& inputs, HeadRef head, const LaraOptions& options, const RunContext& context);

/// No bound; the effective number of proposals of each of some queries. Cancelled.
Result<std::vector<TheoryCurve>> laraTheory(const Inputs& inputs, HeadRef head, const LaraOptions& options, const RunContext& context);

} // namespace attnscope
