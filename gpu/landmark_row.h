// SPDX-License-Identifier: GPL-3.0-or-later
// What the rows of landmark methods share: what they support, and attention to and from few rows in pieces that can be stopped between.
#pragma once

#include "gpu/cuda_method.h"
#include "gpu/kernels/landmark.h"

namespace attnscope {

/// Rows of at most kernels::kLandmarkMaxDim columns on cards with tensor cores for TF32.
Result<void> supportsLandmarkRow(const CudaQuestion& question);

/// q, o and sizes of a problem with that many keys; keys, values and their heads are still to be set.
kernels::FewKeys fewKeysOf(const DeviceInputs& inputs, Index count);
Result<void> runFewKeys(const kernels::FewKeys& problem, Launch& launch);

/// Scratch and sizes for that many queries; queries and o are still to be set.
Result<kernels::FewQueries> makeFewQueries(const DeviceInputs& inputs, Index count, Workspace& workspace);
/// k and v of these inputs.
Result<void> runFewQueries(kernels::FewQueries problem, const DeviceInputs& inputs, Launch& launch);

} // namespace attnscope
