// SPDX-License-Identifier: GPL-3.0-or-later
// What the rows of kernel methods share: a row is its feature map.
#pragma once

#include "gpu/cuda_method.h"
#include "gpu/kernels/kernel_attention.h"

#include <memory>

namespace attnscope {

/// Rows of at most kernels::kKernelMaxDim columns, in any number format.
Result<void> supportsKernelRow(const CudaQuestion& question);

/// "Only the CPU computes ...".
Error onlyOnCpu(const std::string& what);

/// Runs of that map on inputs of these sizes; the map's pointers must last as long as the workspace.
Result<CudaRun> prepareKernelRow(const DeviceInputs& inputs, const kernels::CardMap& map, Workspace& workspace);

} // namespace attnscope
