// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/merge_table.h"

#include <bit>

namespace attnscope::tokenizer {

namespace {

std::uint64_t keyOf(std::int32_t left, std::int32_t right)
{
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
}

} // namespace

MergeTable::MergeTable(std::size_t expected) : m_slots(std::bit_ceil(2 * expected + 2)) { m_shift = 64 - std::countr_zero(m_slots.size()); }

/// The slot of the key, or the free one where it would go (Fibonacci hashing, linear probing).
std::size_t MergeTable::slotOf(std::uint64_t key) const
{
    const std::size_t mask = m_slots.size() - 1;
    std::size_t at = static_cast<std::size_t>(((key ^ (key >> 29)) * 0x9E3779B97F4A7C15ULL) >> m_shift);
    while (m_slots[at].key != key && m_slots[at].key != unused)
        at = (at + 1) & mask;
    return at;
}

void MergeTable::set(std::int32_t left, std::int32_t right, Merge merge)
{
    const std::uint64_t key = keyOf(left, right);
    m_slots[slotOf(key)] = {key, merge};
}

const Merge* MergeTable::find(std::int32_t left, std::int32_t right) const
{
    const std::uint64_t key = keyOf(left, right);
    const Slot& slot = m_slots[slotOf(key)];
    return slot.key == key ? &slot.merge : nullptr;
}

} // namespace attnscope::tokenizer
