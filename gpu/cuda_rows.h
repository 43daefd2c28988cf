// SPDX-License-Identifier: GPL-3.0-or-later
// Row statistics of the exact map of one head, computed on the card.
#pragma once

#include "core/method/inputs.h"
#include "core/metrics/row_statistics.h"
#include "gpu/cuda_method.h"

namespace attnscope {

/// In one pass over the keys. F32: float32 accuracy; other formats: operands of 11 significant bits. Unsupported where the rows are too
/// wide for the card's shared memory; OutOfMemory, Device, Cancelled.
Result<RowStatistics> computeCudaRowStatistics(const CudaDevice& device, const Inputs& inputs, HeadRef head, Dtype dtype,
                                               const RunContext& context);

} // namespace attnscope
