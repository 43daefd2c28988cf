// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/landmark_row.h"

#include "gpu/kernel_row.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr double kRate = 2e13; // FLOP/s that the kernels reach at least

/// Calls launchPart(first, last) for tiles [0, tiles) in pieces short enough to stop between.
template <class LaunchPart>
Result<void> inPieces(Index tiles, double flops, Launch& launch, LaunchPart launchPart)
{
    constexpr Index mostTiles = 65535; // of a launch whose tiles are rows of the grid
    const Index step = std::min(mostTiles, (tiles + Launch::pieces(flops, kRate) - 1) / Launch::pieces(flops, kRate));
    for (Index first = 0; first < tiles; first += step) {
        if (auto go = launch.checkpoint(static_cast<double>(first) / static_cast<double>(tiles)); !go)
            return go;
        if (auto launched = checkCuda(launchPart(first, std::min(tiles, first + step)), "attending to landmarks"); !launched)
            return launched;
    }
    return {};
}

double flopsOf(Index rows, Index keys, Index width)
{
    return 2.0 * static_cast<double>(rows) * static_cast<double>(keys) * static_cast<double>(width);
}

} // namespace

Result<void> supportsLandmarkRow(const CudaQuestion& question)
{
    if (std::max(question.shape.dim, question.shape.valueDim) > kernels::kLandmarkMaxDim)
        return onlyOnCpu("this method on heads of more than " + std::to_string(kernels::kLandmarkMaxDim) + " columns");
    if (question.device.major < 8)
        return onlyOnCpu("this method where a GPU is older than compute capability 8.0");
    return {};
}

kernels::FewKeys fewKeysOf(const DeviceInputs& in, Index count)
{
    kernels::FewKeys problem;
    problem.q = in.q;
    problem.o = in.o;
    problem.batch = in.shape.batch;
    problem.heads = in.shape.heads;
    problem.queries = in.shape.queries;
    problem.count = count;
    problem.dim = in.shape.dim;
    problem.valueDim = in.shape.valueDim;
    problem.weights.scale = in.scale;
    problem.dtype = in.dtype;
    return problem;
}

Result<void> runFewKeys(const kernels::FewKeys& p, Launch& launch)
{
    return inPieces(
        kernels::fewKeysTiles(p), flopsOf(p.batch * p.heads * p.queries, p.count, p.dim + p.valueDim), launch,
        [&](Index first, Index last) { return kernels::launchFewKeys(p, first, last, launch.device().multiprocessors, launch.stream()); });
}

Result<kernels::FewQueries> makeFewQueries(const DeviceInputs& in, Index count, Workspace& workspace)
{
    kernels::FewQueries problem;
    problem.batch = in.shape.batch;
    problem.heads = in.shape.heads;
    problem.kvHeads = in.kvHeads;
    problem.count = count;
    problem.keys = in.shape.keys;
    problem.dim = in.shape.dim;
    problem.valueDim = in.shape.valueDim;
    problem.weights.scale = in.scale;
    problem.dtype = in.dtype;
    problem.splits = kernels::fewQueriesSplits(problem, workspace.device().multiprocessors);
    auto scratch = workspace.take<float>(kernels::fewQueriesScratch(problem));
    if (!scratch)
        return scratch.error();
    problem.scratch = *scratch;
    return problem;
}

Result<void> runFewQueries(kernels::FewQueries p, const DeviceInputs& in, Launch& launch)
{
    p.k = in.k;
    p.v = in.v;
    const auto run = inPieces(kernels::fewQueriesTiles(p), flopsOf(p.batch * p.heads * p.count, p.keys, p.dim + p.valueDim), launch,
                              [&](Index first, Index last) { return kernels::launchFewQueries(p, first, last, launch.stream()); });
    return run ? checkCuda(kernels::launchFewQueriesMerge(p, launch.stream()), "attending from landmarks") : run;
}

} // namespace attnscope
