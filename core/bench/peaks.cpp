// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/peaks.h"

#include "core/compute/bf16_product.h"
#include "core/compute/peak_loops.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace attnscope {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTrials = 8;
constexpr double kTrialSeconds = 0.03;
constexpr Index kRounds = 20000;                // of multiply-adds between two looks at the clock: some microseconds
constexpr std::size_t kExpValues = 2048;        // 8 KiB in, 8 KiB out
constexpr std::size_t kTriadValues = 16U << 20; // 64 MiB an array

/// What `body(thread)` does again and again (it returns the work it did) per second, by `threads` threads at once, from the first
/// one's start to the last one's end.
double rateOnce(int threads, const std::function<double(int)>& body)
{
    struct Part {
        double work = 0.0;
        Clock::time_point begin;
        Clock::time_point end;
    };
    std::barrier start(threads);
    std::vector<Part> parts(static_cast<std::size_t>(threads));
    const auto run = [&](int thread) {
        start.arrive_and_wait();
        Part part{0.0, Clock::now(), {}};
        do {
            part.work += body(thread);
            part.end = Clock::now();
        } while (std::chrono::duration<double>(part.end - part.begin).count() < kTrialSeconds);
        parts[static_cast<std::size_t>(thread)] = part;
    };
    {
        std::vector<std::jthread> others;
        for (int t = 1; t < threads; ++t)
            others.emplace_back(run, t);
        run(0);
    }
    Part all = parts.front();
    for (std::size_t t = 1; t < parts.size(); ++t)
        all = {all.work + parts[t].work, std::min(all.begin, parts[t].begin), std::max(all.end, parts[t].end)};
    return all.work / std::chrono::duration<double>(all.end - all.begin).count();
}

Ceiling ceilingOf(const RunContext& context, const std::function<double(int)>& body)
{
    Ceiling best;
    for (int trial = 0; trial < kTrials && !context.cancelled(); ++trial) {
        best.one = std::max(best.one, rateOnce(1, body));
        best.all = std::max(best.all, rateOnce(context.threadCount(), body));
    }
    best.all = std::max(best.all, best.one);
    return best;
}

Ceiling expCeiling(const RunContext& context)
{
    const auto threads = static_cast<std::size_t>(context.threadCount());
    std::vector<float> x(kExpValues * threads);
    std::vector<float> y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = -0.01F * static_cast<float>(i % kExpValues);
    return ceilingOf(context, [&](int thread) {
        const std::size_t first = kExpValues * static_cast<std::size_t>(thread);
        for (int i = 0; i < 16; ++i)
            expLoop(std::span(x).subspan(first, kExpValues), std::span(y).subspan(first, kExpValues));
        return 16.0 * static_cast<double>(kExpValues);
    });
}

Ceiling triadCeiling(const RunContext& context)
{
    std::vector<float> a(kTriadValues, 0.0F);
    std::vector<float> b(kTriadValues, 1.0F);
    std::vector<float> c(kTriadValues, 2.0F);
    const auto over = [&](std::size_t first, std::size_t count) {
        triadLoop(std::span(a).subspan(first, count), std::span(b).subspan(first, count), 0.5F, std::span(c).subspan(first, count));
        return 12.0 * static_cast<double>(count);
    };
    RunContext alone = context;
    alone.threads = 1;
    const auto part = kTriadValues / static_cast<std::size_t>(context.threadCount());
    const double one = ceilingOf(alone, [&](int) { return over(0, kTriadValues); }).one;
    const double all = ceilingOf(context, [&](int thread) { return over(static_cast<std::size_t>(thread) * part, part); }).all;
    return {one, std::max(one, all)};
}

} // namespace

Result<MachinePeaks> measurePeaks(const RunContext& context, Dtype dtype)
{
    if (static_cast<double>(context.memoryBudget) < 3.0 * sizeof(float) * static_cast<double>(kTriadValues))
        return Error{Errc::OutOfMemory, "Measuring the memory's bandwidth needs 192 MiB, more than the budget.",
                     "Raise the memory budget, or leave the ceilings out."};
    MachinePeaks peaks;
    peaks.threads = context.threadCount();
    std::atomic<float> kept = 0.0F;
    peaks.flops = ceilingOf(context, [&](int) {
        float sink = 0.0F;
        const double done = dtype == Dtype::BF16 ? bf16Loop(bf16Unit(), kRounds, sink) : multiplyAddLoop(kRounds, sink);
        kept.store(sink, std::memory_order_relaxed);
        return done;
    });
    peaks.exponentials = expCeiling(context);
    peaks.bytes = triadCeiling(context);
    if (context.cancelled())
        return cancelledError();
    return peaks;
}

PeakShares sharesOf(const SweepSample& sample, const MethodInfo& method, const MachinePeaks& peaks)
{
    const double seconds = 1e-3 * sample.medianMs.value_or(0.0);
    if (!(seconds > 0.0))
        return {};
    PeakShares shares{sample.flops / seconds / peaks.flops.all, sample.bytes / seconds / peaks.bytes.all, {}};
    if (method.family == "exact" || method.id == "window") // two products of width D for each exponential
        shares.exponentials = sample.flops / (4.0 * static_cast<double>(sample.dim)) / seconds / peaks.exponentials.all;
    return shares;
}

} // namespace attnscope
