// SPDX-License-Identifier: GPL-3.0-or-later
// A stop request that comes from a parent or, at the latest, after some seconds.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace attnscope {

class Deadline {
public:
    Deadline(double seconds, const std::stop_token& parent);

    std::stop_token token() const { return m_source.get_token(); }

private:
    std::stop_source m_source;
    std::stop_callback<std::function<void()>> m_parent;
    std::mutex m_mutex;
    std::condition_variable_any m_wake;
    std::jthread m_timer; // last: joined before what it waits on goes
};

} // namespace attnscope
