// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/run_context.h"

#include <unistd.h>

#include <algorithm>
#include <thread>

namespace attnscope {

std::uint64_t defaultMemoryBudget()
{
    static const auto bytes = 0.6 * static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
    return static_cast<std::uint64_t>(bytes);
}

int RunContext::threadCount() const { return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

} // namespace attnscope
