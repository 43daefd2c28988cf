// SPDX-License-Identifier: GPL-3.0-or-later
// Launches the walk of recurrent mixers through chunks whose inner products are already matrices.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

inline constexpr Index kWalkColumns = 128; ///< of rows in the workspace, and the most that a walk takes

/// Row t - offset of [units / group, rows, cols] belongs to token t; rows that aren't there are zeros.
struct WalkRows {
    const void* data = nullptr;
    Index group = 1; ///< units that share rows
    Index rows = 0;
    Index cols = 0; ///< a multiple of 16 bytes
    Index offset = 0;
};

/// With the state S [128, Dv] before a chunk of C tokens (64 in 16 bits, 32 in float32):
///     u = U - W S,   O = queryRows Q S + P u,   S' = decays S + (keyRows K)ᵀ u
struct WalkProblem {
    WalkRows q, k, u;
    const void* w = nullptr;          ///< [units, chunks C, 128]; null: u = U
    const void* products = nullptr;   ///< P [units, chunks, C, C]
    const float* queryRows = nullptr; ///< [units, chunks C]; null: 1; likewise keyRows
    const float* keyRows = nullptr;
    const float* decays = nullptr; ///< [units, chunks, decayWidth]
    Index decayWidth = 1;          ///< or 128: one for each row of S
    Index units = 0;
    Index chunks = 0;
    void* o = nullptr; ///< [units, queries, valueDim]
    Index queries = 0;
    Index offset = 0; ///< the token of query 0
    Index valueDim = 0;
    Dtype dtype = Dtype::F32; ///< of all but decays and row factors
};

/// Tokens of a chunk.
inline Index walkChunk(Dtype dtype) { return bytesOf(dtype) == 2 ? 64 : 32; }

/// Whether the current device has the shared memory for it.
bool canWalk(Dtype dtype);

/// Whether the current device and this build have launchBulkWalk, which is launchWalk with Hopper's copy engine.
bool hasBulkWalk();
cudaError_t launchBulkWalk(const WalkProblem& problem, cudaStream_t stream);

/// Asynchronous; 16-bit inputs by launchWalk, float32 by launchWideWalk (TF32: products of TF32's precision).
cudaError_t launchWalk(const WalkProblem& problem, cudaStream_t stream);
cudaError_t launchWideWalk(const WalkProblem& problem, cudaStream_t stream);

} // namespace attnscope::kernels
