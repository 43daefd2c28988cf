// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/measure_kernels.h"

#include "core/base/parallel.h"
#include "core/bench/statistics.h"
#include "core/bench/steady_memory.h"
#include "core/bench/sweep_inputs.h"
#include "core/compute/dense.h"
#include "core/method/registry.h"

#include <algorithm>
#include <chrono>
#include <functional>

namespace attnscope {

namespace {

constexpr int kLeastRuns = 3;
constexpr int kMostRuns = 15;
constexpr double kSecondsPerSample = 0.25;
constexpr double kSecondsPerKernel = 1.5; // after which no longer length is begun
constexpr double kMostInputBytes = 1e9;   // of many heads on many threads
constexpr Index kWeightSide = 4096;       // 64 MiB of weights: more than caches hold

double d(Index value) { return static_cast<double>(value); }

/// Seconds of repeated runs over `units`; Cancelled where `run` says so.
Result<UnitTime> timed(double units, const RunContext& context, const std::function<Result<void>()>& run)
{
    std::vector<double> seconds;
    double spent = 0.0;
    for (int i = 0; i <= kMostRuns && (i <= kLeastRuns || spent < kSecondsPerSample); ++i) {
        const auto start = std::chrono::steady_clock::now();
        if (auto done = run(); !done)
            return done.error();
        if (context.cancelled())
            return cancelledError();
        const double took = std::max(1e-9, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        spent += took;
        if (i > 0) // the first one warms caches and touches fresh pages
            seconds.push_back(took / units);
    }
    const auto q = quartiles(seconds);
    return UnitTime{q.q1, q.median, q.q3};
}

/// Those whose inputs may be allocated, and the first in any case.
std::vector<Index> affordable(std::vector<Index> lengths, const Shape& atOne, const RunContext& context)
{
    const double most = std::min(kMostInputBytes, 0.25 * static_cast<double>(context.memoryBudget));
    const double perToken = SweepInputs::bytes(atOne);
    while (lengths.size() > 1 && perToken * d(lengths.back()) > most)
        lengths.pop_back();
    return lengths;
}

Result<void> dropped(const Result<Tensor>& out) { return out ? Result<void>() : Result<void>(out.error()); }

/// One sample; `n` tokens, keys or rows.
using Measure = std::function<Result<UnitTime>(Index n)>;

Result<std::vector<KernelSample>> overLengths(const std::vector<Index>& lengths, const Measure& measure)
{
    std::vector<KernelSample> samples;
    const auto start = std::chrono::steady_clock::now();
    for (const Index n : lengths) {
        auto unit = measure(n);
        if (!unit)
            return unit.error();
        samples.push_back({d(n), *unit});
        if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > kSecondsPerKernel)
            break;
    }
    return samples;
}

Result<std::vector<KernelSample>> measureMethod(const KernelSpec& spec, const AttentionMethod& method, const RunContext& context)
{
    const Index heads = std::max<Index>(1, context.threadCount());
    const Params params = defaultParams(method.info().params);
    SweepInputs inputs(0);
    const auto shape = [&](Index n) { return Shape{1, heads, n, n, spec.dim, spec.valueDim}; };
    const bool step = spec.kind == KernelKind::MixerStep;
    const auto forms = method.otherForms();
    const bool recurrent = step && std::find(forms.begin(), forms.end(), "recurrent") != forms.end();
    const bool pairs = spec.kind == KernelKind::Attention;
    return overLengths(
        step ? std::vector<Index>{256} : affordable({64, 256, 1024, 2048, 4096}, shape(1), context), [&](Index n) -> Result<UnitTime> {
            if (auto grown = inputs.grow(shape(n), context); !grown)
                return grown.error();
            const auto in = inputs.first(n, true);
            return timed(d(heads) * (pairs ? 0.5 * d(n) * d(n) : d(n)), context, [&] {
                return dropped(recurrent ? method.runForm("recurrent", in, params, context) : method.run(in, params, context));
            });
        });
}

/// q [1, U g, 1, d] against k, v [1, U, n, d]: one token for each of g query heads that share a cache.
Result<std::vector<KernelSample>> measureStep(const KernelSpec& spec, const AttentionMethod& method, const RunContext& context)
{
    const Index heads = std::max<Index>(1, context.threadCount());
    const Params params = defaultParams(method.info().params);
    SweepInputs keys(0);
    SweepInputs queries(1);
    if (auto grown = queries.grow({1, heads * spec.group, 1, 1, spec.dim, 1}, context); !grown)
        return grown.error();
    const auto lengths = affordable({256, 1024, 4096, 16384}, {1, heads, 1, 1, spec.dim, spec.valueDim}, context);
    return overLengths(lengths, [&](Index n) -> Result<UnitTime> {
        if (auto grown = keys.grow({1, heads, n, n, spec.dim, spec.valueDim}, context); !grown)
            return grown.error();
        auto in = keys.first(n, false);
        in.q = queries.first(1, false).q;
        return timed(d(heads * n), context, [&] { return dropped(method.run(in, params, context)); });
    });
}

Result<std::vector<KernelSample>> measureProduct(const RunContext& context)
{
    constexpr Index mostRows = 512;
    Tensor rowsIn(1, 1, mostRows, kWeightSide);
    Tensor weights(1, 1, kWeightSide, kWeightSide);
    Tensor out(1, 1, mostRows, kWeightSide);
    for (Tensor* tensor : {&rowsIn, &weights, &out})
        std::fill(tensor->values().begin(), tensor->values().end(), 0.125F);
    return overLengths({1, 4, 16, 64, mostRows}, [&](Index rows) {
        return timed(d(rows) * d(kWeightSide) * d(kWeightSide), context, [&]() -> Result<void> {
            if (parallelGemmNT(rowsIn.view().matrix({}).rowRange(0, rows), weights.view().matrix({}), out.matrix().rowRange(0, rows), 1.0F,
                               context))
                return {};
            return cancelledError();
        });
    });
}

Result<std::vector<KernelSample>> measureLaunch(const RunContext& context)
{
    constexpr int loops = 100;
    auto unit = timed(loops, context, [&]() -> Result<void> {
        for (int i = 0; i < loops; ++i)
            if (!parallelFor(4 * context.threadCount(), 1, context, [](Index, Index) {}))
                return cancelledError();
        return {};
    });
    if (!unit)
        return unit.error();
    return std::vector<KernelSample>{{1.0, *unit}};
}

} // namespace

Result<std::vector<KernelSample>> measureKernel(const KernelSpec& spec, const RunContext& context)
{
    if (spec.kind == KernelKind::Product)
        return measureProduct(context);
    if (spec.kind == KernelKind::Launch)
        return measureLaunch(context);
    const auto* method = findMethod(spec.method);
    if (!method)
        return Error{Errc::Unsupported, "There is no kernel of \"" + spec.method + "\" here to measure.",
                     "Take a card's ceilings instead: h100, a100 or laptop-cpu."};
    return spec.kind == KernelKind::AttentionStep ? measureStep(spec, *method, context) : measureMethod(spec, *method, context);
}

Result<void> measureMissing(const std::vector<KernelSpec>& specs, KernelProfile& profile, const RunContext& context)
{
    std::vector<KernelSpec> missing;
    for (const auto& spec : specs)
        if (!profile.has(spec))
            missing.push_back(spec);
    const SteadyMemory steady;
    RunContext silent = context;
    silent.progress = {};
    for (std::size_t i = 0; i < missing.size(); ++i) {
        context.report(d(static_cast<Index>(i)) / d(static_cast<Index>(missing.size())));
        auto samples = measureKernel(missing[i], silent);
        if (!samples)
            return samples.error();
        profile.kernels[nameOf(missing[i])] = *std::move(samples);
    }
    context.report(1.0);
    return {};
}

} // namespace attnscope
