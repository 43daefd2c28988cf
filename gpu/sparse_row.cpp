// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/sparse_row.h"

#include "gpu/tensor_operands.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr double kTensorRate = 1e13; // FLOP/s that the kernel reaches at least on short lists

/// A plan on the card.
struct CardPlan {
    kernels::SparseProblem problem;
    kernels::SparseMerge merge;
    double flops = 0.0;
};

template <class T>
Result<void> upload(const std::vector<T>& values, const T*& to, Workspace& workspace)
{
    if (values.empty())
        return {};
    const auto uploaded = workspace.upload(std::span<const T>(values));
    if (!uploaded)
        return uploaded.error();
    to = *uploaded;
    return {};
}

Result<void> uploadAnswers(const SparsePlan& plan, Index valueDim, CardPlan& card, Workspace& workspace)
{
    if (plan.answers == 0)
        return {};
    const auto answers = workspace.take<float>(plan.answers * valueDim);
    const auto masses = workspace.take<float>(plan.answers);
    if (!answers || !masses)
        return answers ? masses.error() : answers.error();
    card.problem.answers = *answers;
    card.problem.masses = *masses;
    card.merge.answers = *answers;
    card.merge.masses = *masses;
    card.merge.count = static_cast<Index>(plan.queries.size());
    for (const auto& [from, to] :
         {std::pair{&plan.queries, &card.merge.queries}, {&plan.starts, &card.merge.starts}, {&plan.list, &card.merge.list}})
        if (auto done = upload(*from, *to, workspace); !done)
            return done;
    return {};
}

Result<CardPlan> uploadPlan(const DeviceInputs& in, const SparsePlan& plan, Workspace& workspace)
{
    CardPlan card;
    card.problem.tileCount = static_cast<Index>(plan.tiles.size());
    card.problem.span = plan.span;
    card.problem.mask = plan.mask;
    card.merge.valueDim = static_cast<int>(in.shape.valueDim);
    card.merge.isWide = bytesOf(in.dtype) == 4;
    card.merge.isHalf = in.dtype != Dtype::BF16;
    card.flops = 2.0 * plan.pairs * static_cast<double>(in.shape.dim + in.shape.valueDim);
    if (auto done = upload(plan.tiles, card.problem.tiles, workspace); !done)
        return done.error();
    if (auto done = upload(plan.keys, card.problem.keys, workspace); !done)
        return done.error();
    if (auto done = uploadAnswers(plan, in.shape.valueDim, card, workspace); !done)
        return done.error();
    return card;
}

Result<void> runSparse(const CardPlan& plan, const kernels::ExactProblem& exact, Launch& launch)
{
    CardPlan card = plan;
    card.problem.exact = exact;
    card.merge.o = exact.o;
    const Index tiles = card.problem.tileCount;
    const Index pieces = Launch::pieces(card.flops, kTensorRate);
    const Index step = (tiles + pieces - 1) / pieces;
    for (Index first = 0; first < tiles; first += step) {
        if (auto go = launch.checkpoint(static_cast<double>(first) / static_cast<double>(tiles)); !go)
            return go;
        const auto status = kernels::launchSparse(card.problem, first, std::min(tiles, first + step), launch.stream());
        if (auto launched = checkCuda(status, "starting sparse attention"); !launched)
            return launched;
    }
    return checkCuda(kernels::launchSparseMerge(card.merge, launch.stream()), "merging sparse attention");
}

} // namespace

Result<void> supportsSparse(const CudaQuestion& question)
{
    if (question.device.major < 8)
        return Error{Errc::Unsupported, "Sparse attention on the GPU needs tensor cores of compute capability 8.0 or newer.",
                     "Run it on the CPU (--backend cpu)."};
    if (std::max(question.shape.dim, question.shape.valueDim) > kernels::kExactMaxDim)
        return Error{Errc::Unsupported, "The CUDA kernel takes heads of at most " + std::to_string(kernels::kExactMaxDim) + " columns.",
                     "Run it on the CPU (--backend cpu)."};
    return {};
}

Result<void> supportsSparseBand(const CudaQuestion& question)
{
    if (question.shape.queries > question.shape.keys)
        return Error{Errc::InvalidShape,
                     "There is no place for each of the " + std::to_string(question.shape.queries) + " queries among only " +
                         std::to_string(question.shape.keys) + " keys.",
                     "Give at least as many keys as queries, or choose a method without positions."};
    return supportsSparse(question);
}

Result<CudaRun> prepareSparse(const DeviceInputs& inputs, const SparsePlan& plan, Workspace& workspace)
{
    if (!(inputs.scale > 0.0F))
        return Error{Errc::Unsupported, "The sparse CUDA kernels take positive scales alone.", "Run it on the CPU (--backend cpu)."};
    auto operands = TensorOperands::make(inputs, workspace);
    if (!operands)
        return operands.error();
    auto card = uploadPlan(inputs, plan, workspace);
    if (!card)
        return card.error();
    return CudaRun([operands = *std::move(operands), card = *card](const DeviceInputs& in, Launch& launch) -> Result<void> {
        const auto problem = operands.fill(in, launch.stream());
        if (!problem)
            return problem.error();
        return runSparse(card, *problem, launch);
    });
}

} // namespace attnscope
