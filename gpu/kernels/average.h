// SPDX-License-Identifier: GPL-3.0-or-later
// Averages of the values that each query sees, whatever its logits are.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Pointers are to the device.
struct AverageProblem {
    const void* v = nullptr; ///< [B, Hkv, M, Dv], contiguous
    void* o = nullptr;       ///< [B, H, N, Dv]
    Shape shape;
    Index kvHeads = 1;
    Dtype dtype = Dtype::F32; ///< of v and o; TF32 counts as F32
    bool causal = false;
    Index window = 0; ///< as in KeyMask
};

/// Bytes of scratch that it needs.
std::size_t averageBytes(const AverageProblem& problem);

/// Asynchronous; sums are kept in float64.
cudaError_t launchAverage(const AverageProblem& problem, void* scratch, cudaStream_t stream);

} // namespace attnscope::kernels
