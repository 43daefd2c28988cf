// SPDX-License-Identifier: GPL-3.0-or-later
// Exact softmax attention on the tensor cores: what the kernels of all cards take.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"
#include "gpu/kernels/row_statistics.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Widest query, key or value row that the kernels take.
inline constexpr Index kExactMaxDim = 256;

/// 16-bit operands, contiguous. In split form each array is twice as long: all high parts, then all low parts (see split.h).
struct ExactProblem {
    const void* q = nullptr; ///< [B, H, N, D]; D a multiple of 8, likewise Dv
    const void* k = nullptr; ///< [B, Hkv, M, D]
    const void* v = nullptr; ///< [B, Hkv, M, Dv]
    void* o = nullptr;       ///< [B, H, N, outputDim] in the operands' format; float32 where `factors` is set
    float* lse = nullptr;    ///< [B, H, N] natural log of the sum of exp(logits); null: not wanted
    Shape shape;
    Index kvHeads = 1;
    Index outputDim = 0; ///< columns of v that are real: the rest is padding
    float scale = 1.0F;  ///< positive
    bool causal = false;
    bool isHalf = true;             ///< else bfloat16
    int parts = 1;                  ///< 2: split float32
    const float* factors = nullptr; ///< powers of two that q (B H), then k, then v (B Hkv each) were multiplied by; null: none
    RowStatistics rows{};           ///< for launchExactHopperRows, which sets all of it
};

/// Tiles of queries that a whole run consists of: launches may take them in pieces.
Index exactHopperTiles(const ExactProblem& problem);

/// Tiles [first, last) by wgmma; asynchronous; compute capability 9.0 alone.
cudaError_t launchExactHopper(const ExactProblem& problem, Index first, Index last, int multiprocessors, cudaStream_t stream);

/// The same with the rows' statistics; its tiles are others.
Index exactHopperRowsTiles(const ExactProblem& problem);
cudaError_t launchExactHopperRows(const ExactProblem& problem, Index first, Index last, int multiprocessors, cudaStream_t stream);

/// Fills in the largest weights after all tiles of launchExactHopperRows.
cudaError_t launchExactTopKeys(const ExactProblem& problem, cudaStream_t stream);

/// The same by mma.sync, compute capability 8.0 and newer.
Index exactMmaTiles(const ExactProblem& problem);
cudaError_t launchExactMma(const ExactProblem& problem, Index first, Index last, cudaStream_t stream);

/// Whether the kernels have that width: split operands up to 128, others up to 256.
constexpr bool hasExactWidth(Index widest, int parts) { return widest <= (parts == 2 ? 128 : kExactMaxDim); }

} // namespace attnscope::kernels
