// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/interrupt.h"

#include "app/cli/exit_code.h"

#include <csignal>
#include <ctime>
#include <unistd.h>

namespace attnscope::cli {

namespace {

sigset_t interruptions()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

} // namespace

Interrupt::Interrupt()
{
    const sigset_t set = interruptions();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    m_waiter = std::jthread([this](const std::stop_token& done) {
        const sigset_t awaited = interruptions();
        constexpr timespec moment{0, 100'000'000};
        while (!done.stop_requested()) {
            if (sigtimedwait(&awaited, nullptr, &moment) < 0)
                continue;
            if (!m_source.request_stop())
                _exit(kCancelled); // the second one: temporary files may stay
        }
    });
}

} // namespace attnscope::cli
