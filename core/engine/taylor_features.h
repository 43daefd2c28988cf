// SPDX-License-Identifier: GPL-3.0-or-later
// The second-order Taylor polynomial of exp as a product of features, and the projection to fewer dimensions before it.
#pragma once

#include "core/base/run_context.h"
#include "core/engine/feature_map.h"
#include "core/method/defined_map.h"
#include "core/method/theory.h"

#include <memory>
#include <optional>

namespace attnscope {

/// 1 + t + t²/2.
template <class T>
constexpr T taylorOf(T t)
{
    return T(1) + t + T(0.5) * t * t;
}

/// Products of up to two of `dim` numbers: (dim + 1)(dim + 2) / 2.
constexpr Index taylorCount(Index dim) { return (dim + 1) * (dim + 2) / 2; }

/// The dimensions that are left of `dim` where `asked` are wanted; 0 keeps all.
constexpr Index taylorDim(Index dim, Index asked) { return asked > 0 && asked < dim ? asked : dim; }

/// phi(x) = [1, y, y_a² / sqrt2, y_a y_b (a < b)] with y = sqrt(scale) P x: phi(q) . phi(k) = 1 + t + t²/2, t = scale Pq . Pk.
/// P [dim', dim] may be null: then y = sqrt(scale) x. Packed as Arora et al., Simple linear attention language models balance the
/// recall-throughput tradeoff, 2024, arXiv:2402.18668, leave it to kernels.
std::unique_ptr<const FeatureMap> makeTaylorFeatures(Index dim, std::shared_ptr<const Tensor> projection, float scale);

/// The `count` orthonormal directions [count, dim] that hold most of q and k together: the leading eigenvectors of
/// qᵀq / N + kᵀk / M, O((N + M) dim²). None when stopped.
std::shared_ptr<const Tensor> principalDirections(MatrixView<const float> q, MatrixView<const float> k, Index count,
                                                  const RunContext& context);

/// x Pᵀ; x itself is copied where P is null.
Tensor projectedRows(MatrixView<const float> x, const Tensor* projection);

/// The projected logits of one head in float64, apart from the fast path: [N, M], and beside each the sum of |terms| in it.
struct DefinedTaylor {
    DefinedMap logits;
    DefinedMap sizes;
};
DefinedTaylor definedTaylor(const Inputs& inputs, HeadRef head, Index asked);

/// |e^t - (1 + t + t²/2)| <= |t|³/6 max(1, e^t) over the projected logits of sampled pairs, beside the error itself; `share` of them
/// are within |t| <= 1, which is said.
TheoryCurve taylorRemainder(const Inputs& inputs, HeadRef head, const Tensor* projection, std::uint64_t seed);

} // namespace attnscope
