// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/run_timer.h"

#include <chrono>

namespace attnscope {

Result<RunTimes> timeRuns(const std::function<Result<void>()>& run, int repeats, double timeCapSeconds)
{
    using Clock = std::chrono::steady_clock;
    std::vector<double> seconds;
    double spent = 0.0;
    // The first run warms caches and touches fresh pages; it counts only when it alone fills the time cap.
    for (int i = 0; i <= repeats && (i < 2 || spent < timeCapSeconds); ++i) {
        const auto start = Clock::now();
        if (auto done = run(); !done)
            return done.error();
        const double took = std::chrono::duration<double>(Clock::now() - start).count();
        spent += took;
        if (i > 0 || took >= timeCapSeconds)
            seconds.push_back(took);
        if (i == 0 && took >= timeCapSeconds)
            break;
    }
    return RunTimes{std::move(seconds)};
}

} // namespace attnscope
