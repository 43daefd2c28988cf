// SPDX-License-Identifier: GPL-3.0-or-later
// The Performer's map in float64, written from the equations and apart from the fast features.
#pragma once

#include "core/engine/random_features.h"
#include "core/method/defined_map.h"

namespace attnscope {

struct DefinedPerformer {
    RandomMap map = RandomMap::Positive;
    double givenA = 0.0; ///< of FAVOR++; 0: the closed form from the head
    bool officialEps = false;
};

/// Choromanski et al. 2021, lemmas 1 and 2, with x = sqrt(scale) times a row and frequencies w [count, dim].
DefinedMap definedPerformer(const Inputs& inputs, HeadRef head, const DefinedPerformer& options, MatrixView<const float> w);

} // namespace attnscope
