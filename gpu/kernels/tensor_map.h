// SPDX-License-Identifier: GPL-3.0-or-later
// Describes a [heads, rows, columns] array of 16-bit numbers to Hopper's copy engine.
#pragma once

#include "core/base/shape.h"

#include <cuda.h>
#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Boxes of `boxRows` x 64 columns with 128-byte swizzle; `columns` a multiple of 8, `data` aligned to 16 bytes.
cudaError_t makeTensorMap(CUtensorMap& map, const void* data, bool isHalf, Index heads, Index rows, Index columns, int boxRows);

} // namespace attnscope::kernels
