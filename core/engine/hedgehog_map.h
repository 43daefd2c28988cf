// SPDX-License-Identifier: GPL-3.0-or-later
// Hedgehog's feature maps of W x and -W x, for kernel attention and for the loss that W is fitted by.
#pragma once

#include "core/engine/feature_map.h"
#include "core/engine/kernel_definition.h"

#include <memory>
#include <span>
#include <string_view>

namespace attnscope {

/// Softmax and Exp: as in LoLCATs' code, over features and less each token's extreme, at least 1e-12. Unshifted: exp(±W x), as published.
enum class HedgehogKind { Softmax, Exp, Unshifted };

HedgehogKind hedgehogKindOf(std::string_view name); ///< "softmax", "exp" or "exp-unshifted"

/// W [D, F] of queries and of keys; null is the identity.
struct HedgehogWeights {
    std::shared_ptr<const Tensor> q;
    std::shared_ptr<const Tensor> k;
};

/// 2 F features [f(x W), f(-x W)]. Zhang et al., The Hedgehog and the Porcupine, ICLR 2024, arXiv:2402.04347.
std::unique_ptr<const FeatureMap> makeHedgehogMap(HedgehogKind kind, Index dim, HedgehogWeights weights);

/// Logarithms of the features of one row z = x W [F], into out [2 F].
void hedgehogLogs(HedgehogKind kind, std::span<const float> z, std::span<float> out);

/// The loss' gradient by z, given the features phi [2 F] of z and the gradient by them.
void hedgehogBackward(HedgehogKind kind, std::span<const float> z, std::span<const float> phi, std::span<const float> byPhi,
                      std::span<float> byZ);

/// The features of one row by their definition, in float64. `w` may be null.
DefinedFeatures definedHedgehog(HedgehogKind kind, std::span<const float> x, const Tensor* w);

} // namespace attnscope
