// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/landmark_picker.h"

#include <algorithm>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kTokensPerCentre = 16; // as landmarksOf()
constexpr int kLloydIterations = 10;

/// Where segments of `count` start, and where the last one ends.
std::vector<Index> startsOf(Index rows, Index count)
{
    std::vector<Index> starts;
    for (Index r = 0; r <= count; ++r)
        starts.push_back(segmentStart(rows, count, r));
    return starts;
}

std::vector<Index> placesOf(const LandmarkTask& task, LandmarkChoice choice, std::uint64_t seed)
{
    if (choice == LandmarkChoice::Strided) {
        auto places = startsOf(task.rows, task.count);
        places.pop_back();
        return places;
    }
    auto places = randomPlaces(task.rows, task.count, seed);
    if (choice == LandmarkChoice::Random)
        std::sort(places.begin(), places.end());
    return places;
}

} // namespace

Result<LandmarkPicker> LandmarkPicker::make(const LandmarkTask& task, LandmarkChoice choice, std::uint64_t seed, Workspace& workspace)
{
    LandmarkPicker made;
    made.m_task = task;
    made.m_choice = choice;
    auto narrow = workspace.take<float>(task.heads * task.count * task.cols);
    auto wide = workspace.take<double>(task.heads * task.count * task.cols);
    if (!narrow || !wide)
        return narrow ? wide.error() : narrow.error();
    made.m_centres = {*narrow, *wide};
    const auto places = choice == LandmarkChoice::SegmentMeans ? startsOf(task.rows, task.count) : placesOf(task, choice, seed);
    const auto uploaded = workspace.upload(std::span<const Index>(places));
    if (!uploaded)
        return uploaded.error();
    made.m_places = *uploaded;
    if (choice == LandmarkChoice::SegmentMeans) {
        auto& pooling = made.m_pooling;
        pooling = {nullptr,    made.m_centres, nullptr,   made.m_places, nullptr, false,
                   task.heads, task.rows,      task.cols, task.count,    1,       task.dtype};
        pooling.chunks = kernels::segmentPoolingChunks(pooling, workspace.device().multiprocessors);
        auto scratch = workspace.take<double>(kernels::segmentPoolingScratch(pooling));
        if (!scratch)
            return scratch.error();
        pooling.scratch = *scratch;
    }
    if (choice != LandmarkChoice::KMeans)
        return made;
    made.m_sampled = std::min(task.rows, kTokensPerCentre * task.count);
    auto sample = startsOf(task.rows, made.m_sampled);
    sample.pop_back();
    const auto samplePlaces = workspace.upload(std::span<const Index>(sample));
    auto points = workspace.take<double>(task.heads * made.m_sampled * task.cols);
    auto nearest = workspace.take<int>(task.heads * made.m_sampled);
    for (const auto* failed :
         {samplePlaces ? nullptr : &samplePlaces.error(), points ? nullptr : &points.error(), nearest ? nullptr : &nearest.error()})
        if (failed != nullptr)
            return *failed;
    made.m_samplePlaces = *samplePlaces;
    made.m_points = *points;
    made.m_nearest = *nearest;
    return made;
}

cudaError_t LandmarkPicker::gather(const void* x, const Index* places, Index count, kernels::LandmarkRows to, cudaStream_t stream) const
{
    kernels::RowGathering task;
    task.x = x;
    task.to = to;
    task.places = places;
    task.heads = task.xHeads = m_task.heads;
    task.rows = m_task.rows;
    task.cols = m_task.cols;
    task.count = count;
    task.dtype = m_task.dtype;
    return kernels::launchRowGathering(task, stream);
}

Result<void> LandmarkPicker::run(const void* x, cudaStream_t stream) const
{
    if (m_choice == LandmarkChoice::SegmentMeans) {
        auto pooling = m_pooling;
        pooling.x = x;
        return checkCuda(kernels::launchSegmentPooling(pooling, stream), "averaging segments");
    }
    auto status = gather(x, m_places, m_task.count, m_centres, stream);
    if (m_choice == LandmarkChoice::KMeans && status == cudaSuccess)
        status = gather(x, m_samplePlaces, m_sampled, {nullptr, m_points}, stream);
    for (int i = 0; i < kLloydIterations && m_choice == LandmarkChoice::KMeans && status == cudaSuccess; ++i)
        status = kernels::launchLloyd(m_points, m_centres, m_nearest, m_task.heads, m_sampled, m_task.count, m_task.cols, stream);
    return checkCuda(status, "choosing landmarks");
}

} // namespace attnscope
