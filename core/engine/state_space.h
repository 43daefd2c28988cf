// SPDX-License-Identifier: GPL-3.0-or-later
// What Mamba-2 and Mamba-3 take from an input: B, C, D, steps and decays, or q, k and constants in their place.
#pragma once

#include "core/base/result.h"
#include "core/engine/mixer_factors.h"
#include "core/method/inputs.h"
#include "core/method/params.h"

#include <vector>

namespace attnscope {

/// The arrays C and B of the input, or its q and k: what reads and what writes the state.
struct StateSpaceRows {
    MixerFactors::Rows reads{};  ///< [N, K]
    MixerFactors::Rows writes{}; ///< [M, K]
};

/// InvalidShape where B or C don't go with each other or with the tokens, or D is no single number per head, unless `channels` have
/// one of their own.
Result<StateSpaceRows> stateSpaceRows(const Inputs& inputs, HeadRef head, bool channels = false);

/// Steps dt [M or 1, 1] of the input or the parameter `dt`; `into` keeps a constant.
Result<MixerFactors::Rows> stateSpaceSteps(const Inputs& inputs, HeadRef head, const Params& params, MixerFactors& into);

/// The log decay: the array g, else dt A with the array A or the parameter `g` as A.
Result<MixerFactors::Rows> stateSpaceDecay(const Inputs& inputs, HeadRef head, const Params& params, MixerFactors& into);

/// The array D at query i, or 0: what a token's own value adds to its output.
double ownShare(const Inputs& inputs, HeadRef head, Index query);

/// dt and g at token t, in float64 and without checks.
double definedStep(const Inputs& inputs, HeadRef head, const Params& params, Index t);
double definedLogDecay(const Inputs& inputs, HeadRef head, const Params& params, Index t);

/// The parameters `g` and `dt`.
std::vector<ParamSpec> stateSpaceParams();

} // namespace attnscope
