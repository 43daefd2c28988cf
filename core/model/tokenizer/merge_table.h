// SPDX-License-Identifier: GPL-3.0-or-later
// The merges of byte-pair encoding: a pair of ids to its rank and the id of what it becomes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attnscope::tokenizer {

/// What becomes of a pair; lower ranks go first.
struct Merge {
    std::uint32_t rank = 0;
    std::int32_t id = 0;
};

/// An open-addressing hash table: one probe is one cache line, which is most of the time of an encode.
class MergeTable {
public:
    explicit MergeTable(std::size_t expected);
    /// A pair that is there already gets the new merge.
    void set(std::int32_t left, std::int32_t right, Merge merge);
    /// Null where the pair has no merge.
    const Merge* find(std::int32_t left, std::int32_t right) const;

private:
    static constexpr std::uint64_t unused = ~std::uint64_t{0};
    struct Slot {
        std::uint64_t key = unused;
        Merge merge;
    };
    std::size_t slotOf(std::uint64_t key) const;

    std::vector<Slot> m_slots; // a power of two, at most half full
    int m_shift = 0;
};

} // namespace attnscope::tokenizer
