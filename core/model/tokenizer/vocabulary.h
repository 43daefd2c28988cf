// SPDX-License-Identifier: GPL-3.0-or-later
// The two-way table between tokens and ids.
#pragma once

#include "core/base/shape.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace attnscope::tokenizer {

class Vocabulary {
public:
    Vocabulary() = default;
    Vocabulary(const Vocabulary&) = delete;
    Vocabulary& operator=(const Vocabulary&) = delete;
    Vocabulary(Vocabulary&&) = default;
    Vocabulary& operator=(Vocabulary&&) = default;

    /// A token that is there already gets the new id.
    void add(std::string token, std::int32_t id);
    std::optional<std::int32_t> id(std::string_view token) const;
    /// Null for an id that no token has.
    const std::string* token(Index id) const;
    Index count() const { return static_cast<Index>(m_ids.size()); } ///< different tokens
    Index limit() const { return m_limit; }                          ///< one more than the largest id

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> m_ids;
    std::unordered_map<std::int32_t, const std::string*> m_tokens; // keys of m_ids, which never move
    Index m_limit = 0;
};

/// "<0x0A>" and the like: the spelling of a byte that has no other token.
std::string byteTokenName(unsigned char byte);

} // namespace attnscope::tokenizer
