// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/card_ceilings.h"

#include "gpu/kernels/peak_loops.h"
#include "gpu/workspace.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr int kRounds = 20000; // some 10 ms
constexpr int kRepeats = 5;

/// The fewest seconds that `start` took.
template <class Start>
Result<double> best(const Workspace& workspace, Start start)
{
    double fewest = 1e9;
    for (int i = 0; i <= kRepeats; ++i) {
        Event from;
        Event to;
        auto status = from.record(workspace.stream());
        if (status == cudaSuccess)
            status = start();
        if (status == cudaSuccess)
            status = to.record(workspace.stream());
        if (status == cudaSuccess)
            status = to.wait();
        if (auto done = checkCuda(status, "measuring its ceilings"); !done)
            return done.error();
        const auto took = Event::secondsBetween(from, to);
        if (!took)
            return took.error();
        fewest = i > 0 ? std::min(fewest, *took) : fewest; // the first one warms up
    }
    return fewest;
}

} // namespace

Result<Ceilings> measureCeilings(const CudaDevice& device)
{
    auto workspace = Workspace::make(device);
    if (!workspace)
        return workspace.error();
    const std::size_t bytes = std::min<std::size_t>(std::size_t{1} << 30, device.memoryBytes / 16);
    auto from = workspace->takeBytes(bytes);
    auto to = workspace->takeBytes(bytes);
    auto sink = workspace->take<float>(1);
    if (!from || !to || !sink)
        return !from ? from.error() : !to ? to.error() : sink.error();
    const cudaStream_t stream = workspace->stream();
    const auto products =
        best(*workspace, [&] { return kernels::launchProductLoop(device.isHopper(), device.multiprocessors, kRounds, *sink, stream); });
    const auto exponentials =
        best(*workspace, [&] { return kernels::launchExponentialLoop(device.multiprocessors, kRounds, *sink, stream); });
    const auto copy = best(*workspace, [&] { return cudaMemcpyAsync(*to, *from, bytes, cudaMemcpyDeviceToDevice, stream); });
    if (!products || !exponentials || !copy)
        return !products ? products.error() : !exponentials ? exponentials.error() : copy.error();
    return Ceilings{kernels::productLoopFlops(device.isHopper(), device.multiprocessors, kRounds) / *products,
                    kernels::exponentialLoopCount(device.multiprocessors, kRounds) / *exponentials,
                    2.0 * static_cast<double>(bytes) / *copy};
}

} // namespace attnscope
