// SPDX-License-Identifier: GPL-3.0-or-later
// Row statistics of exact maps, computed on the card: of one head, or of all with the output.
#pragma once

#include "core/backend.h"
#include "gpu/cuda_method.h"

namespace attnscope {

/// In one pass over the keys. F32: float32 accuracy; other formats: operands of 11 significant bits. Unsupported where the rows are too
/// wide for the card's shared memory; OutOfMemory, Device, Cancelled.
Result<RowStatistics> computeCudaRowStatistics(const CudaDevice& device, const Inputs& inputs, HeadRef head, Dtype dtype,
                                               const RunContext& context);

/// Whether the card has a kernel for the output and the rows' statistics in one pass.
bool hasCudaExactWithRows(const CudaDevice& device, const Inputs& inputs, Dtype dtype);

/// Exact attention and the statistics of all heads' rows, each pair of a query and a key multiplied once. Statistics are of the operands
/// as the format rounds them. Where hasCudaExactWithRows(). OutOfMemory, Device, Cancelled.
Result<ExactOutput> computeCudaExactWithRows(const CudaDevice& device, const Inputs& inputs, Dtype dtype, const RunContext& context);

} // namespace attnscope
