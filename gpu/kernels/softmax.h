// SPDX-License-Identifier: GPL-3.0-or-later
// Launches exact streaming softmax attention in float32 on the current device.
#pragma once

#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Widest query, key or value row that the kernel takes.
inline constexpr Index kSoftmaxMaxDim = 256;

struct SoftmaxProblem {
    const float* q = nullptr; ///< [B, H, N, D], contiguous, on the device; likewise k [B, Hkv, M, D], v [B, Hkv, M, Dv]
    const float* k = nullptr;
    const float* v = nullptr;
    float* o = nullptr; ///< [B, H, N, Dv]
    Shape shape;
    Index kvHeads = 1;
    float scale = 1.0F;
    bool causal = false; ///< query i sees the keys j <= i + (M - N)
};

/// Blocks of queries times heads, of which launches may take a part.
Index softmaxTiles(const SoftmaxProblem& problem);

/// Tiles [first, last); asynchronous. FlashAttention's recurrence (Dao et al. 2022, arXiv:2205.14135, algorithm 1).
cudaError_t launchSoftmax(const SoftmaxProblem& problem, Index first, Index last, cudaStream_t stream);

} // namespace attnscope::kernels
