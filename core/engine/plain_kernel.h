// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel attention where all features are plain: no shifts, no logarithms, each feature computed once.
#pragma once

#include "core/base/run_context.h"
#include "core/engine/feature_map.h"
#include "core/method/inputs.h"

namespace attnscope {

enum class PlainRun { Done, NotPlain, Stopped };

/// out [B, H, N, Dv] as runKernel gives it, or NotPlain with `out` void: where a feature is too large or too small, or the map has no
/// plain form or divides by more than sums. Segments of tokens are summed up in float32 and added in float64; where they lie doesn't
/// depend on the threads. Causal: a wave of segments at a time, first their keys, then their queries.
PlainRun runPlainKernel(const Inputs& inputs, const FeatureMap& map, const RunContext& context, TensorView<float> out);

/// Bytes that the waves take.
double plainKernelBytes(Index features, Index valueDim, int threads);

} // namespace attnscope
