// SPDX-License-Identifier: GPL-3.0-or-later
// The features of Random Feature Attention: sines and cosines of rows of unit length, whose norms therefore cancel.
#pragma once

#include "core/engine/feature_map.h"

#include <memory>

namespace attnscope {

/// phi(x) = [cos sqrt(tau) w . x̂, sin sqrt(tau) w . x̂] with x̂ = x / (|x| + padding) and frequencies w [count, dim]: estimates
/// exp(tau q̂ . k̂) up to a factor common to all pairs where padding is 0. Peng et al., Random Feature Attention, ICLR 2021,
/// arXiv:2103.02143, section 3; the published code pads the norm by 1e-3.
std::unique_ptr<const FeatureMap> makeUnitTrig(std::shared_ptr<const Tensor> w, double tau, float padding);

/// The mean of |x| over the rows.
double meanNorm(MatrixView<const float> x);

} // namespace attnscope
