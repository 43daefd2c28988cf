// SPDX-License-Identifier: GPL-3.0-or-later
// What the rows of sparse methods share: a row is its plan of tiles.
#pragma once

#include "gpu/cuda_method.h"
#include "gpu/sparse_plan.h"

namespace attnscope {

/// Heads of at most kernels::kExactMaxDim columns in any number format, on cards that have the tensor cores for it.
Result<void> supportsSparse(const CudaQuestion& question);

/// The same, and a place among the keys for each query.
Result<void> supportsSparseBand(const CudaQuestion& question);

/// Runs of that plan on inputs of these sizes; Unsupported where the scale isn't positive.
Result<CudaRun> prepareSparse(const DeviceInputs& inputs, const SparsePlan& plan, Workspace& workspace);

} // namespace attnscope
