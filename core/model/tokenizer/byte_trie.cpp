// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/byte_trie.h"

#include <algorithm>
#include <cstring>

namespace attnscope::tokenizer {

ByteTrie::ByteTrie(std::vector<std::pair<std::string, std::int32_t>> entries)
{
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    struct Range {
        std::size_t first, last; // of entries
    };
    std::vector<Range> ranges{{0, entries.size()}}; // the entries below each node, which share its bytes
    std::vector<std::size_t> depth{0};
    m_nodes.emplace_back();
    m_labels.push_back('\0');
    for (std::size_t node = 0; node < m_nodes.size(); ++node) { // breadth first: children come side by side
        std::size_t at = ranges[node].first;
        const std::size_t last = ranges[node].last;
        for (; at < last && entries[at].first.size() == depth[node]; ++at)
            m_nodes[node].value = node == 0 ? -1 : entries[at].second;
        m_nodes[node].firstChild = static_cast<std::uint32_t>(m_nodes.size());
        while (at < last) {
            const char byte = entries[at].first[depth[node]];
            std::size_t end = at;
            while (end < last && entries[end].first[depth[node]] == byte)
                ++end;
            m_nodes.emplace_back();
            m_labels.push_back(byte);
            ranges.push_back({at, end});
            depth.push_back(depth[node] + 1);
            ++m_nodes[node].children;
            at = end;
        }
    }
}

std::size_t ByteTrie::child(std::size_t node, char byte) const
{
    if (m_nodes.empty())
        return 0;
    const Node& n = m_nodes[node];
    const void* found = std::memchr(m_labels.data() + n.firstChild, static_cast<unsigned char>(byte), n.children);
    return found == nullptr ? 0 : static_cast<std::size_t>(static_cast<const char*>(found) - m_labels.data());
}

} // namespace attnscope::tokenizer
