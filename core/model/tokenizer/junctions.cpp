// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/junctions.h"

#include <optional>
#include <unordered_map>
#include <vector>

namespace attnscope::tokenizer {

namespace {

/// Finds the first (or last) unmerged symbol that a token is made of, and remembers it.
class Edges {
public:
    Edges(std::span<const MergeRule> rules, bool first) : m_first(first)
    {
        for (const MergeRule& rule : rules)
            m_rules.emplace(rule.result, &rule);
    }

    /// Nothing where the rules go in a circle.
    std::optional<std::int32_t> of(std::int32_t token)
    {
        std::vector<std::int32_t> path;
        std::int32_t at = token;
        for (auto rule = m_rules.find(at); rule != m_rules.end(); rule = m_rules.find(at)) {
            if (const auto known = m_edges.find(at); known != m_edges.end()) {
                at = known->second;
                break;
            }
            path.push_back(at);
            if (path.size() > m_rules.size())
                return std::nullopt;
            at = m_first ? rule->second->left : rule->second->right;
        }
        for (const std::int32_t passed : path)
            m_edges.emplace(passed, at);
        return at;
    }

private:
    bool m_first;
    std::unordered_map<std::int32_t, const MergeRule*> m_rules; // the first rule that makes each token
    std::unordered_map<std::int32_t, std::int32_t> m_edges;
};

} // namespace

Junctions::Junctions(std::span<const MergeRule> rules) : m_pairs(rules.size())
{
    Edges firsts(rules, true);
    Edges lasts(rules, false);
    for (const MergeRule& rule : rules) {
        const auto first = firsts.of(rule.left);
        const auto beforeJoint = lasts.of(rule.left);
        const auto afterJoint = firsts.of(rule.right);
        const auto last = lasts.of(rule.right);
        // Every way to make a token must begin and end with the same symbols.
        if (!first || !beforeJoint || !afterJoint || !last || first != firsts.of(rule.result) || last != lasts.of(rule.result))
            return;
        m_pairs.set(*beforeJoint, *afterJoint, {});
    }
    m_known = true;
}

} // namespace attnscope::tokenizer
