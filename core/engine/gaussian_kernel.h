// SPDX-License-Identifier: GPL-3.0-or-later
// Gaussian kernel attention C = exp(-scale |q_i - k_j|² / 2), whose rows aren't normalised, and Skyformer's Nystrom method for it.
#pragma once

#include "core/base/result.h"
#include "core/engine/double_matrix.h"
#include "core/method/inputs.h"
#include "core/method/theory.h"
#include "core/scores/low_rank_source.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace attnscope {

/// C V [B, H, N, Dv]; Cancelled.
Result<Tensor> runGaussian(const Inputs& inputs, const RunContext& context);

/// C of one head.
std::shared_ptr<const ScoreSource> makeGaussianSource(const Inputs& inputs, HeadRef head);

/// out [x.rows, y.rows] = exp(-scale |x_i - y_j|² / 2), on the calling thread.
void gaussianBlock(MatrixView<const float> x, MatrixView<const float> y, float scale, MatrixView<float> out);

/// The same in float64, [x.rows, y.rows].
DoubleMatrix gaussianCells(const DoubleMatrix& x, const DoubleMatrix& y, double scale);

struct SkyformerOptions {
    Index features = 128;   ///< sampled rows of [Q; K] of each round, half of them queries
    Index accumulation = 1; ///< rounds, whose kernels are added up
    int iterations = 6;
    bool sharedColumnSum = false; ///< the inverse's first scale is of all heads, as the official code has it
    std::uint64_t seed = 0;
};

/// Rows of [Q; K], `accumulation` x `features` of them with repetition: the first half of all queries, the others keys. Chen, Zeng, Ji,
/// Yang, Skyformer, NeurIPS 2021, arXiv:2111.00035, algorithm 1; as in the official code one draw serves all heads.
std::vector<Index> skyformerSample(const SkyformerOptions& options, Index queries, Index keys);

/// What one head's factors are made of: sums over rounds r of kernels with the rows S_r.
struct SkyformerParts {
    std::vector<DoubleMatrix> sampled; ///< of each round [features, D]
    DoubleMatrix middle;               ///< D^-1/2 (Σ_r kernel(S, S_r) + 0.1 I) D^-1/2, with D the row sums
    std::vector<double> rootDegree;    ///< D^-1/2
};

SkyformerParts skyformerParts(const Inputs& inputs, HeadRef head, std::span<const Index> sample, const SkyformerOptions& options);

/// The largest column sum of the middle matrix, of this head or of all.
double skyformerColumnSum(const Inputs& inputs, const SkyformerParts& parts, std::span<const Index> sample,
                          const SkyformerOptions& options);

/// L = kernel(Q, S) D^-1/2 Z D^-1/2 and R = kernel(K, S); Cancelled.
Result<LowRankFactors> skyformerFactors(const Inputs& inputs, HeadRef head, std::span<const Index> sample, const SkyformerOptions& options,
                                        const RunContext& context);

/// What the two differ by on sampled queries, from C and from softmax; Cancelled.
Result<std::vector<TheoryCurve>> skyformerTheory(const Inputs& inputs, HeadRef head, std::span<const Index> sample,
                                                 const SkyformerOptions& options, const RunContext& context);

} // namespace attnscope
