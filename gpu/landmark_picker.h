// SPDX-License-Identifier: GPL-3.0-or-later
// Landmarks of the rows of q or k on the card, chosen as landmarksOf() chooses them.
#pragma once

#include "core/engine/landmark.h"
#include "gpu/kernels/landmark_rows.h"
#include "gpu/workspace.h"

namespace attnscope {

/// Which rows landmarks stand for.
struct LandmarkTask {
    Index heads = 0; ///< B H of queries, B Hkv of keys
    Index rows = 0;
    Index cols = 0;
    Index count = 0; ///< at most `rows`
    Dtype dtype = Dtype::F32;
};

class LandmarkPicker {
public:
    /// Memory and what doesn't depend on x.
    static Result<LandmarkPicker> make(const LandmarkTask& task, LandmarkChoice choice, std::uint64_t seed, Workspace& workspace);

    /// Puts the work for x [heads, rows, cols] on the stream.
    Result<void> run(const void* x, cudaStream_t stream) const;

    /// [heads, count, cols], rounded and not.
    const float* narrow() const { return m_centres.narrow; }
    const double* wide() const { return m_centres.wide; }

private:
    cudaError_t gather(const void* x, const Index* places, Index count, kernels::LandmarkRows to, cudaStream_t stream) const;

    LandmarkTask m_task;
    LandmarkChoice m_choice = LandmarkChoice::SegmentMeans;
    kernels::LandmarkRows m_centres;
    kernels::SegmentPooling m_pooling;
    const Index* m_places = nullptr;
    Index m_sampled = 0; ///< tokens that k-means looks at
    const Index* m_samplePlaces = nullptr;
    double* m_points = nullptr;
    int* m_nearest = nullptr;
};

} // namespace attnscope
