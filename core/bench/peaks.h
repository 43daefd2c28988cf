// SPDX-License-Identifier: GPL-3.0-or-later
// This machine's own ceilings, measured: multiply-adds, exponentials, memory bandwidth. What a kernel reaches is a fraction of them.
#pragma once

#include "core/base/dtype.h"
#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/bench/sweep.h"

#include <optional>

namespace attnscope {

/// What one thread reaches alone, and all of them together.
struct Ceiling {
    double one = 0.0;
    double all = 0.0;
};

/// With the widest vectors of the processor.
struct MachinePeaks {
    int threads = 1;
    Ceiling flops;        ///< per second: multiply-adds in registers in the number format asked for, counted as two
    Ceiling exponentials; ///< per second: of values in the first-level cache
    Ceiling bytes;        ///< per second: a = b + s c over arrays far larger than the caches, 12 bytes an element
};

/// One run's share of what all threads could do in its time. None where it isn't known how much of it a method does.
struct PeakShares {
    double flops = 0.0;
    double bytes = 0.0;
    std::optional<double> exponentials; ///< softmax methods: one for every pair of query and key
};

/// Of a sample that was measured.
PeakShares sharesOf(const SweepSample& sample, const MethodInfo& method, const MachinePeaks& peaks);

/// The best of several short runs of each loop, with one thread and with context.threadCount(): about two seconds and 200 MB.
/// Other work on the machine lowers them. `dtype` F32, or BF16 where the processor has a unit for it (bf16Unit()). Cancelled, or
/// OutOfMemory where the budget is smaller.
Result<MachinePeaks> measurePeaks(const RunContext& context, Dtype dtype = Dtype::F32);

} // namespace attnscope
