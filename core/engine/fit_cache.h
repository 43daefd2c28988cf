// SPDX-License-Identifier: GPL-3.0-or-later
// What was fitted to a head's data, kept for the next call: a few results by key, each made once however many ask for it.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace attnscope {

/// Holds the `capacity` results that were asked for last. Thread-safe.
template <class T>
class FitCache {
public:
    explicit FitCache(std::size_t capacity) : m_capacity(capacity) {}

    /// The result under `key`, by `make` where there is none. Who asks while another makes it waits, until stopped; errors are
    /// not kept, so that after a cancelled fit the next caller makes it.
    Result<std::shared_ptr<const T>> get(const std::string& key, const RunContext& context, const std::function<Result<T>()>& make)
    {
        {
            std::unique_lock lock(m_mutex);
            for (;;) {
                if (auto found = lookUp(key))
                    return found;
                if (!m_running.contains(key))
                    break;
                if (context.cancelled())
                    return cancelledError();
                m_changed.wait_for(lock, std::chrono::milliseconds(50));
            }
            m_running.insert(key);
        }
        auto made = make();
        const std::lock_guard lock(m_mutex);
        m_running.erase(key);
        m_changed.notify_all();
        if (!made)
            return made.error();
        m_kept.emplace_front(key, std::make_shared<const T>(*std::move(made)));
        if (m_kept.size() > m_capacity)
            m_kept.pop_back();
        return m_kept.front().second;
    }

private:
    std::shared_ptr<const T> lookUp(const std::string& key)
    {
        for (auto it = m_kept.begin(); it != m_kept.end(); ++it)
            if (it->first == key) {
                m_kept.splice(m_kept.begin(), m_kept, it);
                return it->second;
            }
        return nullptr;
    }

    std::size_t m_capacity;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::set<std::string> m_running;
    std::list<std::pair<std::string, std::shared_ptr<const T>>> m_kept; ///< the latest first
};

} // namespace attnscope
