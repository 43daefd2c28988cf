// SPDX-License-Identifier: GPL-3.0-or-later
// Launches what makes landmarks on the current device: means, weighted sums or maxima of segments, single tokens, k-means.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Landmarks [heads, count, cols], rounded and not; either may be null.
struct LandmarkRows {
    float* narrow = nullptr;
    double* wide = nullptr;
};

/// x [heads, rows, cols] in `dtype` (TF32 counts as F32) by segments.
struct SegmentPooling {
    const void* x = nullptr;
    LandmarkRows to;
    double* scratch = nullptr;       ///< segmentPoolingScratch() numbers
    const Index* starts = nullptr;   ///< [count + 1] on the device
    const double* weights = nullptr; ///< [rows]; null: means
    bool maxima = false;
    Index heads = 0;
    Index rows = 0;
    Index cols = 0;
    Index count = 0;
    Index chunks = 1; ///< parts of a segment: segmentPoolingChunks()
    Dtype dtype = Dtype::F32;
};

Index segmentPoolingChunks(const SegmentPooling& problem, int multiprocessors);
Index segmentPoolingScratch(const SegmentPooling& problem);
cudaError_t launchSegmentPooling(const SegmentPooling& problem, cudaStream_t stream);

/// The rows at `places` [count] of each head of x [B, xHeads, rows, cols], for `heads` heads each; places from `rows` on are those of
/// y [B, yHeads, ..., cols].
struct RowGathering {
    const void* x = nullptr;
    const void* y = nullptr; ///< may be null
    LandmarkRows to;         ///< [B, heads, count, cols]
    const Index* places = nullptr;
    Index batch = 1;
    Index heads = 0;
    Index xHeads = 0;
    Index yHeads = 0;
    Index rows = 0;
    Index yRows = 0;
    Index cols = 0;
    Index count = 0;
    Dtype dtype = Dtype::F32;
};

cudaError_t launchRowGathering(const RowGathering& problem, cudaStream_t stream);

/// One step of Lloyd's iteration: centres [heads, count, cols] become the means of those of points [heads, points, cols] that are nearest
/// to them; those without points stay. `nearest`: [heads, points] numbers.
cudaError_t launchLloyd(const double* points, LandmarkRows centres, int* nearest, Index heads, Index pointCount, Index count, Index cols,
                        cudaStream_t stream);

} // namespace attnscope::kernels
