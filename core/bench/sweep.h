// SPDX-License-Identifier: GPL-3.0-or-later
// Latency against length: every method at every length, on fresh random inputs, sample by sample.
#pragma once

#include "core/backend.h"
#include "core/bench/fit.h"
#include "core/method/method_list.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace attnscope {

/// What is measured. One batch entry; q, k, v iid standard normal from `seed`, in place before any clock starts.
struct SweepSpec {
    std::vector<MethodChoice> methods;
    std::vector<Index> lengths; ///< ascending
    Index dim = 64;
    Index valueDim = 0; ///< 0 means dim
    Index heads = 1;
    bool causal = false;
    double timeCapSeconds = 10.0; ///< of one run, and of all repeats of one sample together
    int repeats = 9;              ///< timed runs after warming up: more where they are short (50 ms of them), fewer at the time cap
    std::uint64_t seed = 0;
};

/// Ok: measured. Oom: cost() or the inputs exceed the memory budget. Capped: the last or the predicted time exceeds the cap,
/// or the run was stopped for passing twice the cap. Failed: anything else, such as no causal form; see `message`.
enum class SweepStatus { Ok, Oom, Capped, Failed };

std::string_view toString(SweepStatus status); ///< "ok", "oom", "capped", "failed"

struct SweepSample {
    std::size_t index = 0; ///< of the method in SweepSpec::methods
    std::string method;    ///< id, or the whole formatMethod() text where the id is listed more than once
    std::string parameters;
    std::string backend;
    std::string dtype = "f32";
    bool causal = false;
    Index heads = 1;
    Index dim = 0;
    Index n = 0;
    SweepStatus status = SweepStatus::Ok;
    std::string message; ///< one sentence, where the status is not Ok
    std::optional<double> medianMs;
    std::optional<double> q1Ms;
    std::optional<double> q3Ms;
    double flops = 0.0;     ///< of one run, by the method's own cost()
    double bytes = 0.0;     ///< that one run has to move, by cost()
    double peakBytes = 0.0; ///< above the inputs: as allocated where the backend counts that, else by cost()
};

/// Measures length by length, shortest first, all methods at each, so that a live plot grows evenly. onSample is called on
/// the calling thread for each (length, method) pair; none is left out. Cancelled within 500 ms where the backend's runs
/// ask for stop in time; InvalidParam where the spec is empty or not positive.
Result<std::vector<SweepSample>> runSweep(const SweepSpec& spec, const Backend& backend, const RunContext& context,
                                          const std::function<void(const SweepSample&)>& onSample = {});

/// The growth of one curve.
struct SweepFit {
    std::size_t index = 0; ///< SweepSample::index
    std::string method;
    std::string backend;
    PowerFit fit;
};

/// Where two curves cross; none in the measured range where `at` is empty.
struct SweepCrossover {
    std::string a; ///< method
    std::string b;
    std::optional<Crossover> at;
    std::string aBackend{};
    std::string bBackend{};
};

/// Fits of all curves with at least three ok samples.
std::vector<SweepFit> fitsOf(const std::vector<SweepSample>& samples);

/// All pairs of curves, in the order of their methods.
std::vector<SweepCrossover> crossoversOf(const std::vector<SweepSample>& samples);

/// 64, 128, ... up to and including `last` where it is a power of two times `first`.
std::vector<Index> doublingLengths(Index first, Index last);

} // namespace attnscope
