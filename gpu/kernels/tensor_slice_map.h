// SPDX-License-Identifier: GPL-3.0-or-later
// As tensor_map.h, for boxes of 16 columns.
#pragma once

#include "core/base/shape.h"

#include <cuda.h>
#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Boxes of `boxRows` x 16 columns with 32-byte swizzle; `columns` a multiple of 8, `data` aligned to 16 bytes.
cudaError_t makeSliceMap(CUtensorMap& map, const void* data, bool isHalf, Index heads, Index rows, Index columns, int boxRows);

} // namespace attnscope::kernels
