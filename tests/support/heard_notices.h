// SPDX-License-Identifier: GPL-3.0-or-later
// Collects the sentences of giveNotice() while it lives.
#pragma once

#include "core/backend.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope::tests {

class HeardNotices {
public:
    HeardNotices()
    {
        setNoticeHandler([this](const std::string& sentence) {
            const std::scoped_lock lock(m_mutex);
            m_sentences.push_back(sentence);
        });
    }
    HeardNotices(const HeardNotices&) = delete;
    HeardNotices& operator=(const HeardNotices&) = delete;
    ~HeardNotices() { setNoticeHandler({}); }

    std::size_t count() const
    {
        const std::scoped_lock lock(m_mutex);
        return m_sentences.size();
    }
    /// Whether one of them contains these words.
    bool contain(std::string_view words) const
    {
        const std::scoped_lock lock(m_mutex);
        return std::any_of(m_sentences.begin(), m_sentences.end(), [&](const auto& s) { return s.find(words) != std::string::npos; });
    }

private:
    mutable std::mutex m_mutex;
    std::vector<std::string> m_sentences;
};

} // namespace attnscope::tests
