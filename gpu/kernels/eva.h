// SPDX-License-Identifier: GPL-3.0-or-later
// Launches EVA on the current device: one softmax over a window's keys and one logit for each chunk of keys.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// See core/engine/eva.h; queries are aligned to the last keys.
struct EvaProblem {
    const void* q = nullptr; ///< [B, H, N, D] in `dtype`; likewise k [B, Hkv, M, D], v [B, Hkv, M, Dv], o [B, H, N, Dv]
    const void* k = nullptr;
    const void* v = nullptr;
    void* o = nullptr;
    float* means = nullptr;  ///< of the chunks' keys [B, H, C, D]
    float* values = nullptr; ///< [B, H, C, Dv]
    Shape shape;
    Index kvHeads = 1;
    Index window = 0;
    Index chunk = 1;
    Index chunks = 0;
    float scale = 1.0F;
    bool causal = false;
    bool corrected = false; ///< ln(chunk size) on top of a chunk's logit
    bool padded = false;    ///< means over whole chunks
    Dtype dtype = Dtype::F32;
};

/// Means and values of all chunks of heads first .. last - 1 of all B H.
cudaError_t launchEvaChunks(const EvaProblem& problem, Index first, Index last, cudaStream_t stream);
/// o of one head's query tiles first .. last - 1.
cudaError_t launchEvaQueries(const EvaProblem& problem, Index head, Index first, Index last, cudaStream_t stream);
Index evaTiles(Index queries);

} // namespace attnscope::kernels
