// SPDX-License-Identifier: GPL-3.0-or-later
// LARA on the GPU: segment means of queries and keys make proposals, which attend to all keys, and queries mix them.
#include "core/engine/lara.h"
#include "gpu/kernels/lara.h"
#include "gpu/landmark_picker.h"
#include "gpu/landmark_row.h"

#include <algorithm>

namespace attnscope::cuda_methods {

namespace {

constexpr double kRate = 1e12; // FLOP/s that the kernels reach at least

struct Plan {
    LandmarkPicker queries;
    LandmarkPicker keys;
    kernels::LaraProblem problem;
};

Result<void> run(const Plan& plan, const DeviceInputs& in, Launch& launch)
{
    for (const auto& [picker, from] : {std::pair{&plan.queries, in.q}, {&plan.keys, in.k}})
        if (auto picked = picker->run(from, launch.stream()); !picked)
            return picked;
    auto problem = plan.problem;
    problem.q = in.q;
    problem.k = in.k;
    problem.v = in.v;
    problem.o = in.o;
    if (auto done = checkCuda(kernels::launchLaraCentres(problem, launch.stream()), "making proposals"); !done)
        return done;
    const Shape& s = in.shape;
    const Index heads = s.batch * s.heads;
    const double flops = 6.0 * static_cast<double>((s.queries + s.keys) * problem.proposals) * static_cast<double>(s.dim + s.valueDim);
    const Index pieces = std::min(heads, Launch::pieces(flops * static_cast<double>(heads), kRate));
    for (Index piece = 0; piece < pieces; ++piece) {
        if (auto go = launch.checkpoint(static_cast<double>(piece) / static_cast<double>(pieces)); !go)
            return go;
        const Index first = heads * piece / pieces;
        const Index last = heads * (piece + 1) / pieces;
        auto status = kernels::launchLaraSums(problem, false, first, last, launch.stream());
        if (status == cudaSuccess && problem.corrected)
            status = kernels::launchLaraSums(problem, true, first, last, launch.stream());
        if (status == cudaSuccess)
            status = kernels::launchLaraQueries(problem, first, last, launch.stream());
        if (auto done = checkCuda(status, "attending by proposals"); !done)
            return done;
    }
    return {};
}

/// Room for what a run makes.
Result<void> takeRoom(kernels::LaraProblem& problem, Workspace& workspace)
{
    const Index rows = problem.shape.batch * problem.shape.heads * problem.proposals;
    const std::pair<float**, Index> arrays[] = {{&problem.mu, rows * problem.shape.dim},
                                                {&problem.values, rows * problem.shape.valueDim},
                                                {&problem.balance, rows},
                                                {&problem.density, rows},
                                                {&problem.logKeys, rows},
                                                {&problem.logFit, rows},
                                                {&problem.scratch, laraScratch(problem)}};
    for (const auto& [to, count] : arrays) {
        const auto taken = workspace.take<float>(count);
        if (!taken)
            return taken.error();
        *to = *taken;
    }
    return {};
}

Result<CudaRun> prepareLara(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const Shape& s = in.shape;
    const LaraWeights weights = laraWeightsOf(params.text("weights"));
    kernels::LaraProblem problem;
    problem.shape = s;
    problem.kvHeads = in.kvHeads;
    problem.proposals = std::min({params.integer("landmarks"), s.queries, s.keys});
    problem.splits =
        kernels::laraSplits(std::min(s.queries, s.keys), problem.proposals, s.batch * s.heads, workspace.device().multiprocessors);
    problem.scale = in.scale;
    problem.corrected = weights == LaraWeights::Optimal;
    problem.biased = weights == LaraWeights::Biased;
    problem.dtype = in.dtype;
    const Index count = problem.proposals;
    auto queries = LandmarkPicker::make({s.batch * s.heads, s.queries, s.dim, count, in.dtype}, LandmarkChoice::SegmentMeans, 0, workspace);
    auto keys = LandmarkPicker::make({s.batch * in.kvHeads, s.keys, s.dim, count, in.dtype}, LandmarkChoice::SegmentMeans, 0, workspace);
    if (!queries || !keys)
        return queries ? keys.error() : queries.error();
    if (auto taken = takeRoom(problem, workspace); !taken)
        return taken.error();
    problem.queryCentres = queries->wide();
    problem.queryMeans = queries->narrow();
    problem.keyCentres = keys->wide();
    return CudaRun(
        [plan = Plan{*queries, *keys, problem}](const DeviceInputs& inputs, Launch& launch) { return run(plan, inputs, launch); });
}

} // namespace

CudaMethod lara() { return {"lara", supportsLandmarkRow, prepareLara}; }

} // namespace attnscope::cuda_methods
