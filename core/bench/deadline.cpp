// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/deadline.h"

#include <chrono>

namespace attnscope {

Deadline::Deadline(double seconds, const std::stop_token& parent)
    : m_parent(parent, [this] { m_source.request_stop(); }), m_timer([this, seconds](const std::stop_token& done) {
          std::unique_lock lock(m_mutex);
          m_wake.wait_for(lock, done, std::chrono::duration<double>(seconds), [] { return false; });
          if (!done.stop_requested())
              m_source.request_stop();
      })
{
}

} // namespace attnscope
