// SPDX-License-Identifier: GPL-3.0-or-later
// Random feature maps of the softmax kernel exp(x . y): positive, hyperbolic, trigonometric, FAVOR++; and the ReLU maps.
#pragma once

#include "core/base/run_context.h"
#include "core/engine/feature_map.h"

#include <memory>
#include <optional>
#include <string_view>

namespace attnscope {

enum class RandomMap {
    Positive,   ///< exp(w . x - |x|²/2)
    Hyperbolic, ///< exp(-|x|²/2) [exp(w . x), exp(-w . x)]
    Trig,       ///< exp(|x|²/2) [cos w . x, sin w . x]
    Relu,       ///< max(w . x, 0) + 1e-3: another kernel, not an estimate of exp(x . y)
    Oprf,       ///< exp(A |w|² + sqrt(1 - 4A) w . x - |x|²/2)
    ReluPlain,  ///< max(q, 0) + 1e-3 of the unscaled row, without frequencies
    ReluTf,     ///< max(count^-1/2 w . q, 0) + 1e-3 of the unscaled row
};

/// "positive", "hyperbolic", "trig", "relu" and "relu-lucidrains" (the same), "oprf", "relu-deterministic", "relu-tf"; Positive for
/// anything else.
RandomMap randomMapOf(std::string_view name);

/// Whether it estimates exp(x . y).
bool estimatesSoftmax(RandomMap map);

/// Feature columns that one frequency gives: 2 for Hyperbolic and Trig, else 1.
Index columnsPerFrequency(RandomMap map);

/// The stabilisation of the published JAX code: features exp(. - max) + 1e-6, where max runs over a query's features, or over all
/// features of all keys, and leaves -|x|²/2 out; trig features are divided by the largest exp(|x|²/2) instead; a sum of at most
/// 1e-6 gets 2e-6 on top. All features that underflow become 1e-6, which draws rows towards the uniform one.
struct OfficialEps {
    float topKey = 0.0F;       ///< the largest exponent without -|x|²/2 of all keys
    float topHalfQuery = 0.0F; ///< the largest |x|²/2 of all queries; trig alone
    float topHalfKey = 0.0F;
};

struct RandomFeatureOptions {
    double a = 0.0; ///< A <= 0 of FAVOR++
    std::optional<OfficialEps> officialEps{};
};

/// phi of x = sqrt(scale) q and sqrt(scale) k with the frequencies w [count, dim] (ReluPlain needs its width alone), without factors
/// common to all features. Choromanski et al., ICLR 2021, arXiv:2009.14794, lemmas 1 and 2; FAVOR++: Likhosherstov et al., NeurIPS
/// 2022, arXiv:2205.15317, theorem 3.1.
std::unique_ptr<const FeatureMap> makeRandomFeatures(RandomMap map, std::shared_ptr<const Tensor> w, float scale,
                                                     const RandomFeatureOptions& options = {});

/// What OfficialEps needs of one head, in one pass over its keys (and queries for trig); a as in the options. None when stopped.
std::optional<OfficialEps> officialEpsOf(RandomMap map, const Tensor& w, double a, float scale, MatrixView<const float> q,
                                         MatrixView<const float> k, const RunContext& context);

/// The mean of |x_i + y_j|² over all pairs, O(n d).
double meanPairLength(MatrixView<const float> q, MatrixView<const float> k, double scale);

/// The A that minimises the variance at pairs with that mean |x + y|²: (1 - 2u - sqrt((2u + 1)² + 8u)) / 16 with u = mean / dim.
double oprfCoefficient(double meanLength, Index dim);

} // namespace attnscope
