// SPDX-License-Identifier: GPL-3.0-or-later
// EVA on the GPU: chunks of keys become one logit and one value each, and queries meet them beside their window.
#include "core/engine/eva.h"
#include "gpu/kernels/eva.h"
#include "gpu/landmark_row.h"

#include <algorithm>

namespace attnscope::cuda_methods {

namespace {

constexpr double kRate = 1e12; // FLOP/s that the kernels reach at least

Result<void> supportsEva(const CudaQuestion& question)
{
    if (question.shape.queries > question.shape.keys)
        return Error{Errc::InvalidShape,
                     "A window needs a place for each of the " + std::to_string(question.shape.queries) + " queries among only " +
                         std::to_string(question.shape.keys) + " keys.",
                     "Give at least as many keys as queries, or choose a method without positions."};
    return supportsLandmarkRow(question);
}

Result<void> run(kernels::EvaProblem problem, const DeviceInputs& in, Launch& launch)
{
    problem.q = in.q;
    problem.k = in.k;
    problem.v = in.v;
    problem.o = in.o;
    const Shape& s = in.shape;
    const Index heads = s.batch * s.heads;
    if (auto done = checkCuda(kernels::launchEvaChunks(problem, 0, heads, launch.stream()), "averaging chunks"); !done)
        return done;
    const Index tiles = kernels::evaTiles(s.queries);
    const auto seen = static_cast<double>(problem.chunks + std::min(s.keys, std::max(problem.window, problem.chunk)));
    const Index pieces = Launch::pieces(2.0 * static_cast<double>(s.queries) * seen * static_cast<double>(s.dim + s.valueDim), kRate);
    const Index step = (tiles + pieces - 1) / pieces;
    for (Index head = 0; head < heads; ++head)
        for (Index first = 0; first < tiles; first += step) {
            if (auto go = launch.checkpoint(static_cast<double>(head * tiles + first) / static_cast<double>(heads * tiles)); !go)
                return go;
            const auto status = kernels::launchEvaQueries(problem, head, first, std::min(tiles, first + step), launch.stream());
            if (auto done = checkCuda(status, "attending to windows and chunks"); !done)
                return done;
        }
    return {};
}

Result<CudaRun> prepareEva(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const Shape& s = in.shape;
    const EvaLayout layout{
        s.queries,
        s.keys,
        in.causal,
        {params.integer("window"), params.integer("chunk"), params.text("correction") == "on", params.text("padding") == "official"}};
    kernels::EvaProblem problem;
    problem.shape = s;
    problem.kvHeads = in.kvHeads;
    problem.window = layout.options.window;
    problem.chunk = layout.options.chunk;
    problem.chunks = layout.chunks();
    problem.scale = in.scale;
    problem.causal = in.causal;
    problem.corrected = layout.options.correction;
    problem.padded = layout.options.padded;
    problem.dtype = in.dtype;
    const auto means = workspace.take<float>(s.batch * s.heads * problem.chunks * s.dim);
    const auto values = workspace.take<float>(s.batch * s.heads * problem.chunks * s.valueDim);
    if (!means || !values)
        return means ? values.error() : means.error();
    problem.means = *means;
    problem.values = *values;
    return CudaRun([problem](const DeviceInputs& inputs, Launch& launch) { return run(problem, inputs, launch); });
}

} // namespace

CudaMethod eva() { return {"eva", supportsEva, prepareEva}; }

} // namespace attnscope::cuda_methods
