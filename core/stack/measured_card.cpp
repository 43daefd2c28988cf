// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/run_context.h"
#include "core/bench/machine.h"
#include "core/stack/card.h"
#include "core/stack/kernel_cache.h"
#include "core/stack/measure_kernels.h"
#include "core/stack/stack_text.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace attnscope {

namespace {

constexpr double BusySpread = 1.5;

/// The largest third over first quartile of any sample: what a busy machine does to repeats.
double widestSpread(const KernelProfile& profile)
{
    double widest = 1.0;
    for (const auto& [name, samples] : profile.kernels)
        for (const auto& sample : samples)
            widest = std::max(widest, sample.unit.high / sample.unit.low);
    return widest;
}

std::string today()
{
    const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
    char text[16];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()));
    return text;
}

Card cardOf(KernelProfile profile, const RunContext& context)
{
    const auto& machine = machineInfo();
    Card card;
    card.name = card.source = "measured";
    card.title = machine.processor + ", " + std::to_string(context.threadCount()) + " threads";
    card.reference = "kernels measured here on " + profile.date + " in float32, repeats' quartiles as intervals; " + profile.machine;
    if (const double spread = widestSpread(profile); spread > BusySpread)
        card.reference += ". Some repeats differ by a factor of " + plainDigits(spread) +
                          ", as on a machine that is busy with other work: measure again when it isn't";
    const double flops = 2.0 / profile.at({KernelKind::Product}, 512.0).unit.median;
    card.flopPerSecond = {{"bf16", flops}, {"f16", flops}, {"f32", flops}};
    card.bytesPerSecond = 4.0 / profile.at({KernelKind::Product}, 1.0).unit.median;
    card.memoryBytes = static_cast<double>(machine.memoryBytes);
    card.kernels = std::make_shared<const KernelProfile>(std::move(profile));
    return card;
}

} // namespace

Result<Card> measuredCard(const std::vector<Architecture>& architectures, bool remeasure, const RunContext& context)
{
    const int threads = context.threadCount();
    const auto machine = kernelMachine(threads);
    const auto path = kernelCachePath(threads);
    auto profile = remeasure ? readKernelProfile({}, machine) : loadKernelProfile(path, machine);
    const auto before = profile.kernels.size();
    const auto done = measureMissing(kernelsOf(architectures), profile, context);
    if (profile.kernels.size() > before) {
        profile.date = today();
        profile.threads = threads;
        // Also after a stop: what is measured needn't be measured again. A cache that can't be written costs time only.
        if (!path.empty())
            static_cast<void>(saveKernelProfile(profile, path));
    }
    if (!done)
        return done.error();
    return cardOf(std::move(profile), context);
}

} // namespace attnscope
