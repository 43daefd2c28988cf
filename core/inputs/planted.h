// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs whose exact attention map is known in closed form, because the keys are orthogonal codes of their positions.
#pragma once

#include "core/inputs/generators.h"

namespace attnscope {

/// q [1, heads, length, D], k and v of one KV head; D is the power of two from `length` on, at most 2048; causal, scale 1/sqrt(D).
/// k_j is row j of the Hadamard matrix, so q_i = x k_t has the logit x sqrt(D) at key t and 0 at all others; x is chosen so that key
/// t gets exactly the mass of plantedTarget(). v [length, 16] holds cosines, v_jc = cos(pi (j + 1/2) c / length).
Result<std::shared_ptr<const LayerInputs>> makePlanted(Index length, Index heads);

} // namespace attnscope
