// SPDX-License-Identifier: GPL-3.0-or-later
// UTF-8 and the character classes that tokenizers ask for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace attnscope::tokenizer {

/// The first byte that is not part of well-formed UTF-8 (overlong forms and surrogates are not), or nothing.
std::optional<std::size_t> firstInvalidUtf8(std::string_view text);

struct Decoded {
    char32_t c = 0;
    std::size_t length = 1; ///< bytes
};

/// The character at byte `at` of well-formed UTF-8.
Decoded decodeAt(std::string_view text, std::size_t at);

/// The bytes of the character whose first byte is `lead`.
std::size_t sequenceLength(char lead);

/// At most `bytes` bytes of the text, never a part of a character, with "..." where something is left out.
std::string shortened(std::string_view text, std::size_t bytes);

void appendUtf8(std::string& text, char32_t c);

bool isWhitespace(char32_t c);     ///< White_Space
bool isNumeric(char32_t c);        ///< general categories N*
bool isPunctuation(char32_t c);    ///< ASCII punctuation and general categories P*
bool isNonspacingMark(char32_t c); ///< Mn
bool isMark(char32_t c);           ///< M*
bool isOther(char32_t c);          ///< Cc, Cf and Co: what BERT calls control characters
bool isCjkIdeograph(char32_t c);   ///< the blocks that BERT surrounds with spaces
bool isWordCharacter(char32_t c);  ///< letters, marks, decimal digits and connectors, for single_word tokens

/// The full lower case mapping without context: one character, or two for U+0130.
std::u32string_view lowercase(char32_t c, char32_t (&buffer)[2]);

} // namespace attnscope::tokenizer
