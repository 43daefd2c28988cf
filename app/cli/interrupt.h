// SPDX-License-Identifier: GPL-3.0-or-later
// Ctrl+C and SIGTERM as a stop request; a second one ends the program at once.
#pragma once

#include <stop_token>
#include <thread>

namespace attnscope::cli {

/// Make one before any other thread starts: the signals are blocked there and awaited on a thread of its own.
class Interrupt {
public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    std::stop_token token() const { return m_source.get_token(); }

private:
    std::stop_source m_source;
    std::jthread m_waiter;
};

} // namespace attnscope::cli
