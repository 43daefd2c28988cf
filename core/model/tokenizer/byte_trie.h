// SPDX-License-Identifier: GPL-3.0-or-later
// A set of byte strings with values, searched for those that a text begins with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope::tokenizer {

/// Immutable; the children of a node lie side by side, so that memchr finds one.
class ByteTrie {
public:
    ByteTrie() = default;
    /// Empty keys are left out; of equal keys the last one counts.
    explicit ByteTrie(std::vector<std::pair<std::string, std::int32_t>> entries);

    /// Calls found(length, value) for each key that text.substr(at) begins with, shortest first.
    template <class Found>
    void prefixes(std::string_view text, std::size_t at, Found found) const
    {
        for (std::size_t node = 0, i = at; i < text.size(); ++i) {
            node = child(node, text[i]);
            if (node == 0)
                return;
            if (m_nodes[node].value >= 0)
                found(i + 1 - at, m_nodes[node].value);
        }
    }

    bool empty() const { return m_nodes.size() <= 1; }

private:
    struct Node {
        std::uint32_t firstChild = 0;
        std::uint32_t children = 0;
        std::int32_t value = -1;
    };

    std::size_t child(std::size_t node, char byte) const;

    std::vector<Node> m_nodes;
    std::string m_labels; ///< the byte that leads to each node
};

} // namespace attnscope::tokenizer
