// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/parallel.h"
#include "core/base/shape.h"
#include "core/bench/machine.h"
#include "core/session/time_estimate.h"
#include "core/stack/card.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace attnscope {

namespace {

/// Bytes a second, read and written together, of copying 64 MiB; the best of a few runs.
double copyRate(const RunContext& context)
{
    constexpr Index count = Index{1} << 24;
    const std::vector<float> from(static_cast<std::size_t>(count), 1.0F);
    std::vector<float> to(static_cast<std::size_t>(count));
    double best = 0.0;
    for (int run = 0; run < 4; ++run) {
        const auto start = std::chrono::steady_clock::now();
        const bool done = parallelFor(count, Index{1} << 18, context, [&](Index first, Index last) {
            std::copy(from.begin() + first, from.begin() + last, to.begin() + first);
        });
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (!done)
            break;
        best = std::max(best, 2.0 * sizeof(float) * static_cast<double>(count) / std::max(seconds, 1e-9));
    }
    return std::max(best, 1.0);
}

} // namespace

Card measuredCard(const RunContext& context)
{
    const auto& machine = machineInfo();
    const double flops = std::max(softmaxFlopRate(context.threadCount()), 1.0);
    Card card;
    card.name = card.source = "measured";
    card.title = machine.processor + ", " + std::to_string(context.threadCount()) + " threads";
    card.flopPerSecond = {{"bf16", flops}, {"f16", flops}, {"f32", flops}};
    card.bytesPerSecond = copyRate(context);
    card.memoryBytes = static_cast<double>(machine.memoryBytes);
    return card;
}

} // namespace attnscope
