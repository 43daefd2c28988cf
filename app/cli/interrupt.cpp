// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/interrupt.h"

#include "app/cli/exit_code.h"

#include <csignal>
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
        int signal = 0;
        while (sigwait(&awaited, &signal) == 0 && !done.stop_requested())
            if (!m_source.request_stop())
                _exit(kCancelled); // the second one: temporary files may stay
    });
}

Interrupt::~Interrupt()
{
    m_waiter.request_stop();
    pthread_kill(m_waiter.native_handle(), SIGINT); // wakes it
}

} // namespace attnscope::cli
