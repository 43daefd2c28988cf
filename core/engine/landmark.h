// SPDX-License-Identifier: GPL-3.0-or-later
// Landmarks: few rows that stand for all queries or keys, and softmax attention to few keys in place of all.
#pragma once

#include "core/base/result.h"
#include "core/engine/double_matrix.h"
#include "core/method/inputs.h"
#include "core/scores/low_rank_source.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace attnscope {

enum class LandmarkChoice {
    SegmentMeans, ///< means of `count` segments, the first ones one token shorter where they can't be equal
    Strided,      ///< the first token of each segment
    Random,       ///< distinct tokens, drawn with the seed
    KMeans,       ///< centres of Lloyd's iteration from distinct tokens, on at most 16 tokens a centre
};

/// "segment-means", "strided", "random", "k-means"; SegmentMeans for anything else.
LandmarkChoice landmarkChoiceOf(std::string_view name);

/// The first of the `rows` tokens that segment r of `count` holds; segment r ends where r + 1 starts.
constexpr Index segmentStart(Index rows, Index count, Index r)
{
    const Index shortOnes = count - rows % count;
    return r * (rows / count) + (r > shortOnes ? r - shortOnes : 0);
}

/// `count` of `rows` places, distinct, in the order drawn.
std::vector<Index> randomPlaces(Index rows, Index count, std::uint64_t seed);

/// [count, x.cols] of x's rows; count is at most x.rows.
DoubleMatrix landmarksOf(MatrixView<const float> x, LandmarkChoice choice, Index count, std::uint64_t seed);

/// softmax(scale a bᵀ) in float64, [a.rows, b.rows].
DoubleMatrix smallSoftmax(const DoubleMatrix& a, const DoubleMatrix& b, double scale);

/// O [B, H, N, Dv] = softmax(scale Q Kᵀ) V with each head's own keys [1, 1, r, D] and values [1, 1, r, Dv]; Cancelled.
Result<Tensor> attendToFew(const Inputs& inputs, std::span<const Tensor> keys, std::span<const Tensor> values, const RunContext& context);

/// softmax(scale q kᵀ) [1, 1, q.rows, k.rows]; Cancelled.
Result<Tensor> softmaxOfFew(MatrixView<const float> q, MatrixView<const float> k, float scale, const RunContext& context);

/// xᵀ as a tensor.
Tensor transposed(MatrixView<const float> x);

/// O [B, H, N, Dv] = L (Rᵀ V) with each head's own factors; Cancelled.
Result<Tensor> applyFactors(const Inputs& inputs, std::span<const LowRankFactors> factors, const RunContext& context);

} // namespace attnscope
