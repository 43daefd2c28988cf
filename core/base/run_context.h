// SPDX-License-Identifier: GPL-3.0-or-later
// What a long call may need and nothing else: stop, progress, memory budget, threads.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

namespace attnscope {

/// 60 % of the machine's memory, in bytes: the rest is for the inputs, the window and other programs.
std::uint64_t defaultMemoryBudget();

struct RunContext {
    std::stop_token stop;                               ///< asked at least every 100 ms by every long call
    std::function<void(double)> progress;               ///< from 0 to 1, from any thread; may be empty
    std::uint64_t memoryBudget = defaultMemoryBudget(); ///< bytes a call may allocate above its inputs
    int threads = 0;                                    ///< 0: all of the machine's

    bool cancelled() const { return stop.stop_requested(); }
    void report(double fraction) const
    {
        if (progress)
            progress(fraction);
    }
    int threadCount() const; ///< `threads`, or the machine's count where that is 0; at least 1
};

} // namespace attnscope
