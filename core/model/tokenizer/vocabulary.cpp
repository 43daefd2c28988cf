// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/vocabulary.h"

#include <algorithm>
#include <limits>

namespace attnscope::tokenizer {

void Vocabulary::add(std::string token, std::int32_t id)
{
    const auto [at, isNew] = m_ids.insert_or_assign(std::move(token), id);
    m_tokens[id] = &at->first;
    m_limit = std::max<Index>(m_limit, Index{id} + 1);
}

std::optional<std::int32_t> Vocabulary::id(std::string_view token) const
{
    const auto found = m_ids.find(token);
    return found == m_ids.end() ? std::nullopt : std::optional(found->second);
}

const std::string* Vocabulary::token(Index id) const
{
    if (id < 0 || id > std::numeric_limits<std::int32_t>::max())
        return nullptr;
    const auto found = m_tokens.find(static_cast<std::int32_t>(id));
    return found == m_tokens.end() ? nullptr : found->second;
}

std::string byteTokenName(unsigned char byte)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    return std::string("<0x") + digits[byte >> 4] + digits[byte & 0xF] + ">";
}

} // namespace attnscope::tokenizer
