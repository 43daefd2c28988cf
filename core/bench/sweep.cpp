// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/sweep.h"

#include "core/base/parallel.h"
#include "core/bench/deadline.h"
#include "core/bench/statistics.h"
#include "core/bench/steady_memory.h"
#include "core/bench/sweep_inputs.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace attnscope {

namespace {

constexpr double kLeastTimedSeconds = 0.05; // below that, single runs are at the mercy of the scheduler
constexpr double kMostRepeats = 200.0;
constexpr auto kSettling = std::chrono::milliseconds(100);

Result<void> checkSpec(const SweepSpec& spec)
{
    if (spec.methods.empty() || spec.lengths.empty())
        return Error{Errc::InvalidParam, "A sweep needs at least one method and one length.", "Add a method, or lengths such as 64:65536."};
    if (spec.dim < 1 || spec.valueDim < 0 || spec.heads < 1 || spec.repeats < 1 || !(spec.timeCapSeconds > 0.0))
        return Error{Errc::InvalidParam, "Width, heads, repeats and the time cap of a sweep must be positive.",
                     "Use for example width 64."};
    if (spec.lengths.front() < 1 ||
        std::adjacent_find(spec.lengths.begin(), spec.lengths.end(), std::greater_equal{}) != spec.lengths.end())
        return Error{Errc::InvalidParam, "The lengths of a sweep must be positive and ascending.", "Use for example 64, 128, 256."};
    return {};
}

/// It takes tens of milliseconds until the scheduler gives each of a new process's workers a core of its own.
void settleWorkers(const RunContext& context)
{
    const auto end = std::chrono::steady_clock::now() + kSettling;
    parallelFor(context.threadCount(), 1, context, [&](Index, Index) {
        while (std::chrono::steady_clock::now() < end && !context.cancelled()) {
        }
    });
}

std::string mebibytes(double bytes) { return std::to_string(static_cast<long long>(std::ceil(bytes / 1048576.0))) + " MiB"; }

/// The longest run so far of one method: what the next length is predicted from.
struct Progress {
    double seconds = 0.0;
    double flops = 0.0;
    bool over = false; // stopped, or took longer than the cap

    double predicted(double nextFlops) const { return flops > 0.0 ? seconds * nextFlops / flops : 0.0; }
};

class Sweep {
public:
    Sweep(const SweepSpec& spec, const Backend& backend, const RunContext& context)
        : m_spec(spec), m_backend(backend), m_context(context), m_progress(spec.methods.size()), m_inputs(spec.seed)
    {
    }

    /// Cancelled, or the sample with whatever status.
    Result<SweepSample> sample(std::size_t index, Index n);

    /// What the samples after the first `done` will take, from the times of shorter lengths.
    double secondsLeft(std::size_t done) const;

private:
    Shape shape(Index n) const { return {1, m_spec.heads, n, n, m_spec.dim, m_spec.valueDim > 0 ? m_spec.valueDim : m_spec.dim}; }
    bool fits(Index n) const { return SweepInputs::bytes(shape(n)) <= static_cast<double>(m_context.memoryBudget); }
    std::string nameOf(std::size_t index) const;
    SweepSample blank(std::size_t index, Index n) const;
    bool refuse(SweepSample& sample) const;
    Result<void> measure(SweepSample& sample);
    Result<RunTimes> times(const SweepSample& sample, int repeats) const;

    const SweepSpec& m_spec;
    const Backend& m_backend;
    const RunContext& m_context;
    std::vector<Progress> m_progress;
    SweepInputs m_inputs;
};

std::string Sweep::nameOf(std::size_t index) const
{
    const auto& choice = m_spec.methods[index];
    const auto same = [&choice](const MethodChoice& other) { return other.method == choice.method; };
    return std::count_if(m_spec.methods.begin(), m_spec.methods.end(), same) > 1 ? formatMethod(choice) : choice.method->info().id;
}

SweepSample Sweep::blank(std::size_t index, Index n) const
{
    const auto& choice = m_spec.methods[index];
    const Cost cost = choice.method->cost(shape(n), choice.params, m_spec.causal);
    SweepSample sample;
    sample.index = index;
    sample.method = nameOf(index);
    sample.parameters = choice.params.describe(choice.method->info().params);
    sample.backend = m_backend.id();
    sample.dtype = toString(m_backend.dtype());
    sample.causal = m_spec.causal;
    sample.heads = m_spec.heads;
    sample.dim = m_spec.dim;
    sample.n = n;
    sample.flops = cost.flops;
    sample.bytes = cost.bytes;
    sample.peakBytes = cost.peakBytes;
    return sample;
}

/// Whether the sample can be told without running: then its status says so.
bool Sweep::refuse(SweepSample& sample) const
{
    const auto& progress = m_progress[sample.index];
    const auto refused = [&sample](SweepStatus status, std::string message) {
        sample.status = status;
        sample.message = std::move(message);
        return true;
    };
    if (auto supported = m_backend.supports(*m_spec.methods[sample.index].method, shape(sample.n), m_spec.causal); !supported)
        return refused(SweepStatus::Failed, supported.error().what);
    const double need = sample.peakBytes + (fits(sample.n) ? 0.0 : SweepInputs::bytes(shape(sample.n)));
    if (need > static_cast<double>(m_context.memoryBudget))
        return refused(SweepStatus::Oom, "Needs about " + mebibytes(need) + ", more than the budget of " +
                                             mebibytes(static_cast<double>(m_context.memoryBudget)) + ".");
    if (progress.over)
        return refused(SweepStatus::Capped, "A shorter length already took longer than the time cap.");
    if (progress.predicted(sample.flops) > m_spec.timeCapSeconds)
        return refused(SweepStatus::Capped, "Predicted to take longer than the time cap, from the time of a shorter length.");
    return false;
}

Result<RunTimes> Sweep::times(const SweepSample& sample, int repeats) const
{
    const auto& choice = m_spec.methods[sample.index];
    const Deadline deadline(2.0 * m_spec.timeCapSeconds, m_context.stop);
    RunContext context = m_context;
    context.stop = deadline.token();
    context.progress = {};
    return m_backend.time(*choice.method, m_inputs.first(sample.n, m_spec.causal), choice.params, repeats, m_spec.timeCapSeconds, context);
}

Result<void> Sweep::measure(SweepSample& sample)
{
    if (auto grown = m_inputs.grow(shape(sample.n), m_context); !grown)
        return grown;
    auto timed = times(sample, m_spec.repeats);
    if (timed && !timed->seconds.empty()) {
        const double most = std::min(kMostRepeats, kLeastTimedSeconds / std::max(1e-9, median(timed->seconds)));
        if (most > m_spec.repeats)
            timed = times(sample, static_cast<int>(most));
    }
    if (m_context.cancelled())
        return cancelledError();
    if (!timed) {
        const bool stopped = timed.error().code == Errc::Cancelled;
        sample.status = stopped ? SweepStatus::Capped : timed.error().code == Errc::OutOfMemory ? SweepStatus::Oom : SweepStatus::Failed;
        sample.message = stopped ? "Stopped after twice the time cap." : timed.error().what;
        m_progress[sample.index].over = stopped;
        return {};
    }
    const Quartiles q = quartiles(timed->seconds);
    sample.medianMs = 1e3 * q.median;
    sample.q1Ms = 1e3 * q.q1;
    sample.q3Ms = 1e3 * q.q3;
    sample.peakBytes = timed->peakBytes.value_or(sample.peakBytes);
    m_progress[sample.index] = {q.median, sample.flops, q.median > m_spec.timeCapSeconds};
    return {};
}

Result<SweepSample> Sweep::sample(std::size_t index, Index n)
{
    SweepSample sample = blank(index, n);
    if (m_context.cancelled())
        return cancelledError();
    if (!refuse(sample))
        if (auto done = measure(sample); !done)
            return done.error();
    return sample;
}

double Sweep::secondsLeft(std::size_t done) const
{
    double seconds = 0.0;
    for (std::size_t at = done; at < m_spec.lengths.size() * m_spec.methods.size(); ++at) {
        const std::size_t index = at % m_spec.methods.size();
        const Progress& progress = m_progress[index];
        const double once = progress.predicted(blank(index, m_spec.lengths[at / m_spec.methods.size()]).flops);
        if (!progress.over && once <= m_spec.timeCapSeconds)
            seconds += std::clamp(once * m_spec.repeats, kLeastTimedSeconds, std::max(kLeastTimedSeconds, m_spec.timeCapSeconds));
    }
    return seconds;
}

} // namespace

std::string_view toString(SweepStatus status)
{
    constexpr std::string_view names[] = {"ok", "oom", "capped", "failed"};
    return names[static_cast<int>(status)];
}

Result<std::vector<SweepSample>> runSweep(const SweepSpec& spec, const Backend& backend, const RunContext& context,
                                          const std::function<void(const SweepSample&)>& onSample)
{
    if (auto good = checkSpec(spec); !good)
        return good.error();
    const SteadyMemory steady;
    settleWorkers(context);
    Sweep sweep(spec, backend, context);
    std::vector<SweepSample> samples;
    const auto start = std::chrono::steady_clock::now();
    double reported = 0.0;
    for (const Index n : spec.lengths)
        for (std::size_t i = 0; i < spec.methods.size(); ++i) {
            auto sample = sweep.sample(i, n);
            if (!sample)
                return sample.error();
            samples.push_back(std::move(*sample));
            if (onSample)
                onSample(samples.back());
            const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            reported = std::max(reported, passed / (passed + sweep.secondsLeft(samples.size())));
            context.report(reported);
        }
    return samples;
}

} // namespace attnscope
