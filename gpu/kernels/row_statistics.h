// SPDX-License-Identifier: GPL-3.0-or-later
// What the rows of exact maps are like, and the second step that finds each row's largest weights.
#pragma once

#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

inline constexpr int kTopKeys = 8; ///< largest weights that are kept of each row

/// Of each row of exp(scale q k^T - lse), R rows of all heads: the log-sum-exp alone, or all of it where topKeys is set. Entropy is
/// lse - sum p s.
struct RowStatistics {
    float* lse = nullptr;        ///< [R] natural log of the sum of exp(logits)
    float* entropy = nullptr;    ///< [R] nats
    float* sumSquares = nullptr; ///< [R] sum of squared weights
    float* topWeights = nullptr; ///< [R, kTopKeys] in falling order; 0 where the row sees fewer keys
    int* topKeys = nullptr;      ///< [R, kTopKeys]; -1 there
};

/// A cell is the keys first + 8 i and first + 8 i + 1, i < span / 8, of `span` keys from first / 8 * 8: what one thread of a kernel over
/// the keys sees of them. The largest weights lie in the cells whose largest weights are largest.
struct TopKeysProblem {
    const void* q = nullptr; ///< [heads, rows, width], 16-bit; in two parts all the low ones follow all the high ones
    const void* k = nullptr; ///< [kvHeads, keys, width]
    bool isHalf = true;      ///< else bfloat16
    int parts = 1;
    Index rows = 0, keys = 0, width = 0; ///< width a multiple of 8, at most 2048
    int heads = 1, kvHeads = 1;          ///< B H and B Hkv
    Index firstRow = 0, lastRow = 0;     ///< rows of all heads, one after the other
    Index firstVisible = 0;              ///< row i sees the first firstVisible + i keys
    float scale = 1.0F;
    const float* qFactors = nullptr; ///< powers of two that heads of q and of k were multiplied by; null: none
    const float* kFactors = nullptr;
    int span = 128;     ///< 64 or 128
    RowStatistics to{}; ///< lse is read; topKeys holds kTopKeys cells (their first keys, -1: none) and takes the keys
};

/// Fills topWeights and topKeys; asynchronous.
cudaError_t launchTopKeys(const TopKeysProblem& problem, cudaStream_t stream);

} // namespace attnscope::kernels
