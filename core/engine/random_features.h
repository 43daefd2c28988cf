// SPDX-License-Identifier: GPL-3.0-or-later
// Random feature maps of the softmax kernel exp(x . y): positive, hyperbolic, trigonometric; and the ReLU map.
#pragma once

#include "core/engine/feature_map.h"

#include <memory>
#include <string_view>

namespace attnscope {

enum class RandomMap {
    Positive,   ///< exp(w . x - |x|²/2)
    Hyperbolic, ///< exp(-|x|²/2) [exp(w . x), exp(-w . x)]
    Trig,       ///< exp(|x|²/2) [cos w . x, sin w . x]
    Relu,       ///< max(w . x, 0) + 1e-3: another kernel, not an estimate of exp(x . y)
};

/// "positive", "hyperbolic", "trig", "relu"; Positive for anything else.
RandomMap randomMapOf(std::string_view name);

/// Feature columns that one frequency gives: 2 for Hyperbolic and Trig, else 1.
Index columnsPerFrequency(RandomMap map);

/// phi of sqrt(scale) q and sqrt(scale) k with the frequencies w [count, dim], without the factor count^-1/2 that cancels
/// ((2 count)^-1/2 for Hyperbolic). Choromanski et al., ICLR 2021, arXiv:2009.14794, lemmas 1 and 2.
std::unique_ptr<const FeatureMap> makeRandomFeatures(RandomMap map, std::shared_ptr<const Tensor> w, float scale);

} // namespace attnscope
