// SPDX-License-Identifier: GPL-3.0-or-later
// What Efficient Attention and its relatives share: queries softmaxed over their features, keys over their positions.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/method/inputs.h"
#include "core/scores/low_rank_source.h"

#include <functional>
#include <optional>
#include <vector>

namespace attnscope {

/// Each row of x [rows, D], times `scale`, becomes its softmax over the features.
void softmaxFeatures(MatrixView<const float> x, float scale, MatrixView<float> out);

/// Changes rows of softmaxed queries before they meet the keys: those of `head` from query `first` on. May be empty.
using QueryFilter = std::function<void(HeadRef head, Index first, MatrixView<float> rows)>;

/// O [B, H, N, Dv] = filter(rho_q(scale Q)) (rho_k(scale K)ᵀ V) with rho_q the softmax over features and rho_k the one over
/// positions, by one pass over the keys and one over the queries. The result does not depend on the number of threads. Cancelled.
/// Shen et al., Efficient Attention: Attention with Linear Complexities, WACV 2021, arXiv:1812.01243, eq. 6.
Result<Tensor> runSequenceSoftmax(const Inputs& inputs, float scale, const QueryFilter& filter, const RunContext& context);

/// The same map's factors: filter(rho_q) and rho_k of one head. Cancelled.
Result<LowRankFactors> sequenceSoftmaxFactors(const Inputs& inputs, HeadRef head, float scale, const QueryFilter& filter,
                                              const RunContext& context);

/// rho_q [N, D] and rho_k [M, D] in float64, row after row, by their definitions.
struct DefinedSoftmaxes {
    Index dim = 0;
    std::vector<double> queries;
    std::vector<double> keys;

    double q(Index i, Index f) const { return queries[static_cast<std::size_t>(i * dim + f)]; }
    double k(Index j, Index f) const { return keys[static_cast<std::size_t>(j * dim + f)]; }
};
DefinedSoftmaxes definedSoftmaxes(const Inputs& inputs, HeadRef head, double scale);

/// Floating-point operations of runSequenceSoftmax() and the bytes that it holds.
double sequenceSoftmaxFlops(const Shape& shape);
double sequenceSoftmaxBytes(const Shape& shape, int threads);

} // namespace attnscope
