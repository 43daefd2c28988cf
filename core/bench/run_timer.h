// SPDX-License-Identifier: GPL-3.0-or-later
// Repeats a run on the CPU by the clock.
#pragma once

#include "core/backend.h"

#include <functional>

namespace attnscope {

/// Times of `repeats` calls after one warm-up, fewer where they fill the time cap (s); the run's own error.
Result<RunTimes> timeRuns(const std::function<Result<void>()>& run, int repeats, double timeCapSeconds);

} // namespace attnscope
