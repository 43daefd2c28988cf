// SPDX-License-Identifier: GPL-3.0-or-later
// Float32 arrays as two float16 each, for the tensor cores; and rows padded to what the copy engine takes.
//
// x f = high + low + r with high = fp16(x f), low = fp16(x f - high): |r| <= 2^-22 |x f| + 2^-25, where the power of two f brings the
// head's largest value to [2^13, 2^14). A product of two such numbers from high high + high low + low high leaves out low low and the
// two r: at most 3 x 2^-22 of |x y|, a rounding of float32's own size in a sum of products.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// factors[h] = the power of two for head h of [heads, perHead] values; `scratch` holds `heads` numbers. Asynchronous.
cudaError_t launchFactors(const float* from, Index heads, Index perHead, unsigned* scratch, float* factors, cudaStream_t stream);

/// from [heads, rows, cols] to [parts, heads, rows, padded] float16: the high parts, then (parts = 2) the low ones; zeros in the padding.
cudaError_t launchSplit(const float* from, void* to, const float* factors, Index heads, Index rows, Index cols, Index padded, int parts,
                        cudaStream_t stream);

/// 16-bit numbers from [rows, cols] to [rows, padded].
cudaError_t launchPad(const void* from, void* to, Index rows, Index cols, Index padded, cudaStream_t stream);

} // namespace attnscope::kernels
