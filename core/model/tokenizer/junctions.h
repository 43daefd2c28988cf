// SPDX-License-Identifier: GPL-3.0-or-later
// Where byte-pair encoding can never join two symbols: a long text falls into short parts there, with the same result.
#pragma once

#include "core/model/tokenizer/merge_table.h"

#include <span>

namespace attnscope::tokenizer {

/// left and right become result.
struct MergeRule {
    std::int32_t left = 0;
    std::int32_t right = 0;
    std::int32_t result = 0;
};

/// Immutable. A merge joins the last symbol that its left part is made of and the first one of its right part; two neighbours that no
/// merge joins so stay apart whatever happens around them.
class Junctions {
public:
    explicit Junctions(std::span<const MergeRule> rules);

    /// False only where no merge can ever join these two unmerged symbols.
    bool mayJoin(std::int32_t left, std::int32_t right) const { return !m_known || m_pairs.find(left, right) != nullptr; }

private:
    bool m_known = false; ///< false where the rules contradict each other about what a token is made of
    MergeTable m_pairs;
};

} // namespace attnscope::tokenizer
