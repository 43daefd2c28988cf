// SPDX-License-Identifier: GPL-3.0-or-later
// Changing the feed-forward part of a layer by hand.
#pragma once

#include "core/base/result.h"
#include "core/stack/architecture.h"

namespace attnscope {

/// Sizes are those of another layer of that kind, else usual ones: 4 x as wide as the model, or 8 experts of its width with 2 at work.
/// Layers that share the layer's weights change with it. InvalidParam where there is no such layer.
Result<Architecture> setFfn(Architecture architecture, Index index, FfnKind kind);

} // namespace attnscope
