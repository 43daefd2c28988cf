// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/map_operands.h"

#include "gpu/kernels/split.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr Index kPadTo = 8;
constexpr Index kRowTile = 384;          // a multiple of all kernels' tiles
constexpr double kLseRate = 1e14;        // FLOP/s that the kernel reaches at least
constexpr double kStatisticsRate = 2e13; // likewise, where it keeps the largest weights

} // namespace

kernels::CardLimits limitsOf(const CudaDevice& device) { return {device.isHopper(), device.multiprocessors, device.sharedBytes}; }

Index firstVisibleKeys(const Inputs& inputs) { return inputs.causal ? 1 + inputs.k.rows() - inputs.q.rows() : inputs.k.rows(); }

Result<kernels::MapOperand> uploadOperand(MatrixView<const float> from, int parts, Workspace& workspace)
{
    auto staging = Workspace::make(workspace.device());
    if (!staging)
        return staging.error();
    auto wide = staging->take<float>(from.rows * from.cols);
    auto scratch = staging->take<unsigned>(1);
    const Index padded = (from.cols + kPadTo - 1) / kPadTo * kPadTo;
    auto narrow = workspace.takeBytes(static_cast<std::size_t>(2 * parts * from.rows * padded));
    auto factor = workspace.take<float>(1);
    for (const auto* failed : {wide ? nullptr : &wide.error(), scratch ? nullptr : &scratch.error(), narrow ? nullptr : &narrow.error(),
                               factor ? nullptr : &factor.error()})
        if (failed != nullptr)
            return *failed;
    if (auto ready = workspace.synchronize("allocating"); !ready) // the staging stream writes what the other one allocated
        return ready.error();
    const auto width = static_cast<std::size_t>(from.cols) * sizeof(float);
    const auto pitch = static_cast<std::size_t>(from.stride) * sizeof(float);
    auto status = cudaMemcpy2DAsync(*wide, width, from.data, std::max(pitch, width), width, static_cast<std::size_t>(from.rows),
                                    cudaMemcpyHostToDevice, staging->stream());
    if (status == cudaSuccess)
        status = kernels::launchFactors(*wide, 1, from.rows * from.cols, *scratch, *factor, staging->stream());
    if (status == cudaSuccess)
        status = kernels::launchSplit(*wide, *narrow, *factor, 1, from.rows, from.cols, padded, parts, staging->stream());
    if (auto done = checkCuda(status, "copying to the card"); !done)
        return done.error();
    if (auto done = staging->synchronize("copying to the card"); !done)
        return done.error();
    return kernels::MapOperand{*narrow, from.rows, padded, *factor};
}

Result<kernels::ExactTerm> uploadExactTerm(const Inputs& inputs, HeadRef head, int parts, Workspace& workspace)
{
    auto q = uploadOperand(inputs.qOf(head), parts, workspace);
    if (!q)
        return q.error();
    auto k = uploadOperand(inputs.kOf(head), parts, workspace);
    if (!k)
        return k.error();
    return kernels::ExactTerm{*q, *k, inputs.effectiveScale(), nullptr};
}

Result<void> runRowStatistics(const kernels::ExactTerm& exact, Index firstVisible, int parts, const kernels::RowStatistics& to,
                              const Workspace& workspace, const RunContext& context)
{
    Launch launch(workspace, context);
    const Index rows = exact.q.rows;
    const double flops = 2.0 * parts * static_cast<double>(rows) * static_cast<double>(exact.k.rows) * static_cast<double>(exact.q.width);
    const Index pieces = Launch::pieces(flops, to.topKeys == nullptr ? kLseRate : kStatisticsRate);
    const Index step = ((rows + pieces - 1) / pieces + kRowTile - 1) / kRowTile * kRowTile;
    for (Index row = 0; row < rows; row += step) {
        if (auto go = launch.checkpoint(static_cast<double>(row) / static_cast<double>(rows)); !go)
            return go;
        const auto status = kernels::launchRowStatistics(exact, firstVisible, parts, to, row, std::min(rows, row + step),
                                                         limitsOf(launch.device()), launch.stream());
        if (auto launched = checkCuda(status, "starting the row statistics"); !launched)
            return launched;
    }
    return {};
}

} // namespace attnscope
