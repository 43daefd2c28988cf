// SPDX-License-Identifier: GPL-3.0-or-later
// Launches attention from all queries to few keys, and from few queries to all keys, on the current device.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Widest rows that the landmark kernels take.
inline constexpr Index kLandmarkMaxDim = 128;

/// Weights of softmax(scale q kᵀ), or of the Gaussian kernel exp(-scale |q - k|² / 2), whose rows aren't normalised.
struct Weights {
    float scale = 1.0F;
    bool gaussian = false;
};

/// o [B, H, N, Dv] = weights(q, keys) values; q and o in `dtype` (TF32 counts as F32), keys and values in float32. Everything contiguous.
struct FewKeys {
    const void* q = nullptr;       ///< [B, H, N, D]
    const float* keys = nullptr;   ///< [B, keyHeads, count, D]
    const float* values = nullptr; ///< [B, valueHeads, count, Dv]
    void* o = nullptr;
    Index batch = 1;
    Index heads = 1;
    Index keyHeads = 1; ///< divides `heads`; likewise valueHeads
    Index valueHeads = 1;
    Index queries = 0;
    Index count = 0;
    Index dim = 0;
    Index valueDim = 0;
    Weights weights;
    Dtype dtype = Dtype::F32;
    bool rounds = false; ///< 16-bit formats: weights and values may be rounded to 11 significant bits
};

/// Tiles of queries of a whole run, of which launches may take a part.
Index fewKeysTiles(const FewKeys& problem);
cudaError_t launchFewKeys(const FewKeys& problem, Index first, Index last, int multiprocessors, cudaStream_t stream);

/// o [B, H, count, Dv] = weights(queries, k) v; k and v in `dtype`, queries and o in float32.
struct FewQueries {
    const float* queries = nullptr; ///< [B, H, count, D]
    const void* k = nullptr;        ///< [B, kvHeads, M, D]
    const void* v = nullptr;        ///< [B, kvHeads, M, Dv]
    float* o = nullptr;
    float* scratch = nullptr; ///< fewQueriesScratch() numbers
    Index batch = 1;
    Index heads = 1;
    Index kvHeads = 1;
    Index count = 0;
    Index keys = 0;
    Index dim = 0;
    Index valueDim = 0;
    Index splits = 1; ///< parts of the keys that run at the same time: fewQueriesSplits()
    Weights weights;
    Dtype dtype = Dtype::F32;
};

Index fewQueriesSplits(const FewQueries& problem, int multiprocessors);
Index fewQueriesScratch(const FewQueries& problem);
/// As above; launchFewQueriesMerge puts the parts together after all tiles.
Index fewQueriesTiles(const FewQueries& problem);
cudaError_t launchFewQueries(const FewQueries& problem, Index first, Index last, cudaStream_t stream);
cudaError_t launchFewQueriesMerge(const FewQueries& problem, cudaStream_t stream);

/// to [B, heads, rank, cols] = factor E x with E [eHeads, rank, rows] in float32 and x [B, xHeads, rows, cols] in `dtype`; xHeads and
/// eHeads divide `heads`.
struct SequenceProduct {
    const float* e = nullptr;
    const void* x = nullptr;
    float* to = nullptr;
    float* scratch = nullptr; ///< sequenceProductScratch() numbers
    Index batch = 1;
    Index heads = 1;
    Index eHeads = 1;
    Index xHeads = 1;
    Index rank = 0;
    Index rows = 0;
    Index cols = 0;
    Index splits = 1; ///< sequenceProductSplits()
    float factor = 1.0F;
    Dtype dtype = Dtype::F32;
};

Index sequenceProductSplits(const SequenceProduct& problem, int multiprocessors);
Index sequenceProductScratch(const SequenceProduct& problem);
cudaError_t launchSequenceProduct(const SequenceProduct& problem, cudaStream_t stream);

} // namespace attnscope::kernels
