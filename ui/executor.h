// SPDX-License-Identifier: GPL-3.0-or-later
// How drawing gets workers: a function that runs other functions on some thread, and returns at once.
#pragma once

#include <functional>

namespace attnscope {

using Executor = std::function<void(std::function<void()>)>;

/// Qt's thread pool, as many threads as the machine has: for tiles.
Executor poolExecutor();

/// One thread of its own, in order: for painting, which must not wait behind long tiles.
Executor paintExecutor();

} // namespace attnscope
