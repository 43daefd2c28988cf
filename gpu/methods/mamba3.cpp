// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba-3 with one input and output on the GPU: queries and keys are turned before the mixer reads them.
#include "gpu/kernel_row.h"
#include "gpu/kernels/mixer_arrays.h"
#include "gpu/mixer_row.h"

#include <algorithm>

namespace attnscope::cuda_methods {

namespace {

/// Sets the strengths and own weights of the trapezoidal rule.
Result<void> takeTrapezoid(const DeviceInputs& in, const kernels::Gate& steps, const kernels::Gate& shares, kernels::MixerProblem& problem,
                           Workspace& workspace)
{
    const Shape& s = in.shape;
    const auto weights = workspace.take<float>(2 * s.batch * s.heads * s.keys);
    if (!weights)
        return weights.error();
    float* const own = *weights + s.batch * s.heads * s.keys;
    problem.strength = {*weights, s.heads * s.keys, s.keys, 1, 0, 1};
    problem.bonus = {own, s.heads * s.keys, s.keys, 1, 0, 1};
    return checkCuda(kernels::launchTrapezoid(steps, shares, s, *weights, own, workspace.stream()), "preparing Mamba-3");
}

/// What both turns share.
Result<kernels::Turn> prepareTurn(const DeviceInputs& in, const Params& params, const kernels::Gate& steps, Index width,
                                  Workspace& workspace)
{
    const DeviceArray* const theta = in.array("theta");
    const Index pairs = theta ? theta->shape[3] : width / 2;
    if (theta && ((theta->shape[2] != 1 && theta->shape[2] != in.shape.keys) || 2 * pairs > width))
        return Error{Errc::InvalidShape,
                     "The array \"theta\" is " + std::to_string(theta->shape[2]) + " x " + std::to_string(pairs) + ", but there are " +
                         std::to_string(in.shape.keys) + " keys of " + std::to_string(width / 2) + " pairs of channels.",
                     "Give one rate for each of the first pairs of channels, per token or once for all."};
    const auto constant = static_cast<float>(params.number("theta"));
    const auto rates = theta ? Result<kernels::Gate>(gateOfArray(*theta, in)) : gateOfRow({&constant, 1}, workspace);
    if (!rates)
        return rates.error();
    const Shape& s = in.shape;
    const auto angles = workspace.take<float>(2 * s.batch * s.heads * s.keys * std::max<Index>(pairs, 1));
    if (!angles)
        return angles.error();
    kernels::Turn turn;
    turn.angles = *angles;
    turn.cols = width;
    turn.pairs = pairs;
    turn.halves = params.text("pairs") == "halves";
    if (auto done = checkCuda(kernels::launchAngles(*rates, steps, s, pairs, *angles, workspace.stream()), "preparing Mamba-3"); !done)
        return done.error();
    return turn;
}

Result<CudaRun> prepareTurned(const DeviceInputs& in, kernels::MixerProblem problem, const kernels::Turn& both, Workspace& workspace)
{
    const Shape& s = in.shape;
    const auto numbers = [&](Index rows) { return static_cast<std::size_t>(s.batch * s.heads * rows * both.cols * bytesOf(in.dtype)); };
    const auto q = workspace.takeBytes(numbers(s.queries));
    if (!q)
        return q.error();
    const auto k = workspace.takeBytes(numbers(s.keys));
    if (!k)
        return k.error();
    kernels::Turn queries = both;
    queries.from = problem.q;
    queries.to = *q;
    queries.heads = s.heads;
    queries.rows = s.queries;
    queries.first = s.keys - s.queries;
    kernels::Turn keys = both;
    keys.from = problem.k;
    keys.to = *k;
    keys.heads = problem.keyHeads > 0 ? problem.keyHeads : in.kvHeads;
    keys.rows = s.keys;
    problem.q = *q;
    problem.k = *k;
    problem.keyHeads = s.heads;
    const auto run = prepareMixerRow(in, problem, workspace);
    if (!run)
        return run.error();
    return CudaRun([queries, keys, run = *run](const DeviceInputs& now, Launch& launch) -> Result<void> {
        for (auto [turn, given] : {std::pair{queries, now.q}, std::pair{keys, now.k}}) {
            if (!turn.from)
                turn.from = given;
            if (auto done = checkCuda(kernels::launchTurn(turn, now.shape, now.dtype, launch.stream()), "turning rows"); !done)
                return done;
        }
        return run(now, launch);
    });
}

Result<CudaRun> prepareMamba3(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    if (params.integer("rank") > 1 || in.array("mimo_x") || in.array("mimo_o"))
        return onlyOnCpu("Mamba-3 with several inputs and outputs (MIMO)");
    kernels::MixerProblem problem;
    if (auto taken = takeStateSpaceRows(in, problem, workspace); !taken)
        return taken.error();
    const bool given = in.array("g") != nullptr;
    const auto steps = gateOf(in, {"dt"}, false, params.number("dt"), workspace);
    const auto decay = given ? gateOf(in, {"g"}, false, 0.0, workspace) : gateOf(in, {"A"}, false, params.number("g"), workspace);
    const auto shares = gateOf(in, {"trap", "lambda"}, false, params.number("lambda"), workspace);
    if (!steps || !decay || !shares)
        return !steps ? steps.error() : !decay ? decay.error() : shares.error();
    if (auto taken = takeTrapezoid(in, *steps, *shares, problem, workspace); !taken)
        return taken.error();
    problem.logDecay = *decay;
    if (!given)
        problem.rate = *steps;
    problem.skipsOwn = true;
    const auto turn = prepareTurn(in, params, *steps, problem.shape.dim, workspace);
    if (!turn)
        return turn.error();
    return prepareTurned(in, problem, *turn, workspace);
}

} // namespace

CudaMethod mamba3() { return {"mamba3", supportsMixerRow, prepareMamba3}; }

} // namespace attnscope::cuda_methods
