// SPDX-License-Identifier: GPL-3.0-or-later
// Converts between float32 and the 16-bit formats on the device.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// to[i] = from[i] rounded to nearest even; `dtype` is F16 or BF16. Asynchronous.
cudaError_t launchNarrow(const float* from, void* to, Index count, Dtype dtype, cudaStream_t stream);

/// The way back, exact.
cudaError_t launchWiden(const void* from, float* to, Index count, Dtype dtype, cudaStream_t stream);

} // namespace attnscope::kernels
