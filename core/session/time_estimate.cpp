// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/time_estimate.h"

#include "core/engine/support_softmax.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <mutex>

namespace attnscope {

namespace {

constexpr Index kProbeKeys = 1024; // large enough for the blocks of every thread, small enough to take milliseconds
constexpr Index kProbeDim = 64;
constexpr int kProbeRuns = 4; // the first one also touches fresh memory

double probe(int threads)
{
    using Clock = std::chrono::steady_clock;
    Tensor ones(1, 1, kProbeKeys, kProbeDim);
    std::fill(ones.values().begin(), ones.values().end(), 0.125F);
    const Inputs inputs{ones.view(), ones.view(), ones.view(), false, 0.0F, nullptr};
    RunContext context;
    context.threads = threads;
    const Shape shape = inputs.shape();
    const double flops = streamingCost(shape, fullPairs(shape, false)).flops;
    double best = 0.0;
    for (int i = 0; i < kProbeRuns; ++i) {
        const auto start = Clock::now();
        const auto out = runSupportSoftmax(inputs, fullSupport(kProbeKeys, kProbeKeys, false), context);
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        if (out)
            best = std::max(best, flops / std::max(seconds, 1e-9));
    }
    return best;
}

/// 2.4 -> 2, 24 -> 25, 47 -> 45, 240 -> 240.
long long rounded(double value)
{
    const double step = value < 10.0 ? 1.0 : value < 100.0 ? 5.0 : 10.0;
    return std::llround(std::max(1.0, std::round(value / step) * step));
}

} // namespace

double softmaxFlopRate(int threads)
{
    static std::mutex mutex;
    static std::map<int, double> rates;
    const std::lock_guard lock(mutex);
    double& rate = rates[threads];
    if (rate == 0.0)
        rate = probe(threads);
    return rate;
}

double estimateSeconds(const AttentionMethod& method, const Shape& shape, const Params& params, bool causal, double flopRate)
{
    return 2.0 * method.cost(shape, params, causal).flops / flopRate;
}

double estimateSeconds(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context)
{
    return estimateSeconds(method, inputs.shape(), params, inputs.causal, softmaxFlopRate(context.threadCount()));
}

std::string aboutTime(double seconds)
{
    constexpr double minute = 60.0;
    constexpr double hour = 3600.0;
    constexpr double day = 86400.0;
    if (!(seconds < 400.0 * day))
        return "more than a year";
    const auto say = [seconds](double unit, const char* name) { return "about " + std::to_string(rounded(seconds / unit)) + name; };
    if (seconds < 1.5 * minute)
        return say(1.0, " s");
    if (seconds < 1.5 * hour)
        return say(minute, " min");
    return seconds < 2.0 * day ? say(hour, " h") : say(day, " days");
}

std::optional<Error> longRun(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context)
{
    // Too little work for a probe to be worth its time: a minute at the rate of a slow machine's one thread.
    constexpr double neverLong = kLongSeconds * 1e9;
    const Shape shape = inputs.shape();
    if (2.0 * method.cost(shape, params, inputs.causal).flops < neverLong)
        return std::nullopt;
    const double seconds = estimateSeconds(method, inputs, params, context);
    if (seconds <= kLongSeconds)
        return std::nullopt;
    return Error{Errc::Unsupported,
                 method.info().title + " would take " + aboutTime(seconds) + " on these " + std::to_string(shape.keys) + " tokens.",
                 "Open a shorter part of the input, take a method whose time doesn't grow with the square of the length, or start it "
                 "all the same."};
}

std::string layerCostText(const Document& document, Index layer, HeadRef head, const RunContext& context)
{
    const LayerCost cost = document.costOf(layer, head);
    if (cost.flops <= 0.0)
        return {};
    const auto tenths = static_cast<long long>(cost.bytes / 1e8 + 0.999);
    return "Running " + std::to_string(cost.layersToRun) + (cost.layersToRun == 1 ? " layer" : " layers") + " of the model on " +
           std::to_string(document.info().length) + " tokens takes " + aboutTime(cost.flops / softmaxFlopRate(context.threadCount())) +
           " and " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GB.";
}

std::optional<Error> longLayer(const Document& document, Index layer, HeadRef head, const RunContext& context)
{
    constexpr double neverLong = kLongSeconds * 1e9;
    const double flops = document.costOf(layer, head).flops;
    if (flops < neverLong || flops / softmaxFlopRate(context.threadCount()) <= kLongSeconds)
        return std::nullopt;
    return Error{Errc::Unsupported, layerCostText(document, layer, head, context),
                 "Start it all the same, choose a lower layer, or open a shorter part of the text."};
}

} // namespace attnscope
