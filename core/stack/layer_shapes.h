// SPDX-License-Identifier: GPL-3.0-or-later
// Sizes of attention, recurrent mixers and feed-forward parts, from the keys that each family uses.
#pragma once

#include "core/stack/layer_plan.h"

namespace attnscope {

/// Heads, widths, window and latent attention; the kind is left to the layer.
AttentionShape readAttention(StackFields& fields, Index hidden);

/// The family's recurrent mixer. Fails where the config names recurrent layers of a kind that isn't known.
RecurrentShape readRecurrent(StackFields& fields, Index hidden);

/// LFM2's gated short convolution.
RecurrentShape readConv(StackFields& fields, Index hidden);

/// What follows layer `index` of this kind.
FfnShape readFfn(StackFields& fields, const LayerKind& kind, Index index, Index hidden);

} // namespace attnscope
