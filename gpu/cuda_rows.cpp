// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/cuda_rows.h"

#include "gpu/device_problem.h"
#include "gpu/map_operands.h"

#include <algorithm>

namespace attnscope {

namespace {

static_assert(kernels::kTopKeys == kTopWeights);

Result<kernels::RowStatistics> roomFor(Index rows, Workspace& workspace)
{
    kernels::RowStatistics to;
    for (auto [place, columns] : {std::pair{&to.lse, 1}, {&to.entropy, 1}, {&to.sumSquares, 1}, {&to.topWeights, kernels::kTopKeys}}) {
        auto data = workspace.take<float>(rows * columns);
        if (!data)
            return data.error();
        *place = *data;
    }
    auto keys = workspace.take<int>(rows * kernels::kTopKeys);
    if (!keys)
        return keys.error();
    to.topKeys = *keys;
    return to;
}

template <class T>
Result<void> copyBack(const T* from, std::vector<T>& to, const Workspace& workspace)
{
    return checkCuda(cudaMemcpyAsync(to.data(), from, to.size() * sizeof(T), cudaMemcpyDeviceToHost, workspace.stream()),
                     "copying from the card");
}

/// Rows [first, first + rows) of what `from` points to.
Result<RowStatistics> download(const kernels::RowStatistics& from, Index first, Index rows, const Workspace& workspace)
{
    RowStatistics statistics(rows);
    for (const auto& copied :
         {copyBack(from.lse + first, statistics.lse, workspace), copyBack(from.entropy + first, statistics.entropy, workspace),
          copyBack(from.sumSquares + first, statistics.sumSquares, workspace),
          copyBack(from.topWeights + first * kTopWeights, statistics.topWeights, workspace),
          copyBack(from.topKeys + first * kTopWeights, statistics.topKeys, workspace)})
        if (!copied)
            return copied.error();
    if (auto done = workspace.synchronize("running the row statistics"); !done)
        return done.error();
    return statistics;
}

} // namespace

Result<RowStatistics> computeCudaRowStatistics(const CudaDevice& device, const Inputs& inputs, HeadRef head, Dtype dtype,
                                               const RunContext& context)
{
    auto workspace = Workspace::make(device);
    if (!workspace)
        return workspace.error();
    const int parts = partsOf(dtype);
    const auto exact = uploadExactTerm(inputs, head, parts, *workspace);
    if (!exact)
        return exact.error();
    kernels::MapProblem whole;
    whole.exact = *exact;
    whole.parts = parts;
    if (!kernels::fitsMap(whole, limitsOf(device)))
        return Error{Errc::Unsupported, "The CUDA kernel of the row statistics takes no rows that wide.", "Run it on the CPU."};
    const auto to = roomFor(inputs.q.rows(), *workspace);
    if (!to)
        return to.error();
    if (auto ran = runRowStatistics(*exact, firstVisibleKeys(inputs), parts, *to, *workspace, context); !ran)
        return ran.error();
    return download(*to, 0, inputs.q.rows(), *workspace);
}

bool hasCudaExactWithRows(const CudaDevice& device, const Inputs& inputs, Dtype dtype)
{
    const Index widest = std::max(inputs.q.cols(), inputs.v.cols());
    return device.isHopper() && hasTensorKernel(device, widest, dtype) && inputs.window == 0 && inputs.effectiveScale() > 0.0F;
}

namespace {

/// Inputs, scratch and results of one run on the card.
struct ExactOnCard {
    Workspace workspace;
    DeviceInputs inputs;
    TensorOperands operands;
    kernels::RowStatistics rows;

    static Result<ExactOnCard> make(const CudaDevice& device, const Inputs& inputs, Dtype dtype);
    Result<void> launch(const RunContext& context);
};

Result<ExactOnCard> ExactOnCard::make(const CudaDevice& device, const Inputs& from, Dtype dtype)
{
    auto workspace = Workspace::make(device);
    if (!workspace)
        return workspace.error();
    auto inputs = uploadInputs(from, dtype, *workspace);
    if (!inputs)
        return inputs.error();
    auto operands = TensorOperands::make(*inputs, *workspace);
    if (!operands)
        return operands.error();
    auto rows = roomFor(inputs->shape.batch * inputs->shape.heads * inputs->shape.queries, *workspace);
    if (!rows)
        return rows.error();
    return ExactOnCard{*std::move(workspace), *std::move(inputs), *std::move(operands), *rows};
}

/// In pieces of at most about 20 ms, between which it can be stopped.
Result<void> ExactOnCard::launch(const RunContext& context)
{
    constexpr double rate = 1e14; // FLOP/s that the kernel reaches at least
    Launch launch(workspace, context);
    auto problem = operands.fill(inputs, launch.stream());
    if (!problem)
        return problem.error();
    problem->lse = rows.lse;
    problem->rows = rows;
    const Shape& s = inputs.shape;
    const double flops = 2.0 * problem->parts * static_cast<double>(s.batch * s.heads * s.queries) * static_cast<double>(s.keys) *
                         static_cast<double>(s.dim + s.valueDim);
    const int processors = launch.device().multiprocessors;
    const Index tiles = kernels::exactHopperRowsTiles(*problem);
    const Index pieces = Launch::pieces(flops, rate);
    const Index waves = (tiles + processors - 1) / processors;
    const Index step = processors * ((waves + pieces - 1) / pieces);
    for (Index first = 0; first < tiles; first += step) {
        if (auto go = launch.checkpoint(static_cast<double>(first) / static_cast<double>(tiles)); !go)
            return go;
        const auto status = kernels::launchExactHopperRows(*problem, first, std::min(tiles, first + step), processors, launch.stream());
        if (auto launched = checkCuda(status, "starting softmax"); !launched)
            return launched;
    }
    return checkCuda(kernels::launchExactTopKeys(*problem, launch.stream()), "starting the largest weights");
}

} // namespace

Result<ExactOutput> computeCudaExactWithRows(const CudaDevice& device, const Inputs& inputs, Dtype dtype, const RunContext& context)
{
    auto card = ExactOnCard::make(device, inputs, dtype);
    if (!card)
        return card.error();
    if (auto launched = card->launch(context); !launched)
        return launched.error();
    const Shape& s = card->inputs.shape;
    ExactOutput made{Tensor(s.batch, s.heads, s.queries, s.valueDim), {}};
    if (auto done = downloadOutput(card->inputs, made.output.values(), card->workspace); !done)
        return done.error();
    for (Index head = 0; head < s.batch * s.heads; ++head) {
        auto rows = download(card->rows, head * s.queries, s.queries, card->workspace);
        if (!rows)
            return rows.error();
        made.rows.push_back(*std::move(rows));
    }
    return made;
}

} // namespace attnscope
