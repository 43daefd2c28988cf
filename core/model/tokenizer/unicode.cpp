// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/unicode.h"

#include "core/model/tokenizer/reference_unicode.h"

#include <utf8proc.h>

namespace attnscope::tokenizer {

namespace {

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

bool isAsciiPunctuation(char32_t c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

bool isMarkToday(char32_t c)
{
    const auto kind = category(c);
    return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_MC || kind == UTF8PROC_CATEGORY_ME;
}

/// Symbols with the property Other_Alphabetic.
bool isCircledLetter(char32_t c)
{
    return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
           (c >= 0x1F170 && c <= 0x1F189);
}

} // namespace

std::optional<std::size_t> firstInvalidUtf8(std::string_view text)
{
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    for (std::size_t at = 0; at < text.size();) {
        if (bytes[at] < 0x80) {
            ++at;
            continue;
        }
        utf8proc_int32_t c = 0;
        const utf8proc_ssize_t length = utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &c);
        if (length <= 0)
            return at;
        at += static_cast<std::size_t>(length);
    }
    return std::nullopt;
}

std::size_t sequenceLength(char lead)
{
    const auto byte = static_cast<unsigned char>(lead);
    return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

Decoded decodeAt(std::string_view text, std::size_t at)
{
    const auto byte = [&](std::size_t i) -> char32_t { return static_cast<unsigned char>(text[at + i]); };
    const std::size_t length = sequenceLength(text[at]);
    if (length == 1 || at + length > text.size())
        return {byte(0), 1};
    if (length == 2)
        return {((byte(0) & 0x1F) << 6) | (byte(1) & 0x3F), 2};
    if (length == 3)
        return {((byte(0) & 0x0F) << 12) | ((byte(1) & 0x3F) << 6) | (byte(2) & 0x3F), 3};
    return {((byte(0) & 0x07) << 18) | ((byte(1) & 0x3F) << 12) | ((byte(2) & 0x3F) << 6) | (byte(3) & 0x3F), 4};
}

std::string shortened(std::string_view text, std::size_t bytes)
{
    if (text.size() <= bytes)
        return std::string(text);
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80)
        --bytes;
    return std::string(text.substr(0, bytes)) + "...";
}

void appendUtf8(std::string& text, char32_t c)
{
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
    text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

bool isWhitespace(char32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r');
    const auto kind = category(c);
    return c == 0x85 || kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL || kind == UTF8PROC_CATEGORY_ZP;
}

bool isNumeric(char32_t c)
{
    const auto kind = category(c);
    return kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL || kind == UTF8PROC_CATEGORY_NO;
}

bool isPunctuation(char32_t c)
{
    if (c < 0x80)
        return isAsciiPunctuation(c);
    const auto kind = category(c);
    const bool former = c == 0x166D || c == 0x111C9; // since Unicode 12 and 11 something else
    return former || (kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO && !isTooNewFor(ReferenceTable::Punctuation, c));
}

bool isNonspacingMark(char32_t c)
{
    if (c < 0x300)
        return false;
    const bool former = c == 0x1734; // since Unicode 14 a spacing mark
    return former || (category(c) == UTF8PROC_CATEGORY_MN && !isTooNewFor(ReferenceTable::NonspacingMark, c));
}

bool isMark(char32_t c)
{
    if (c < 0x300)
        return false;
    const bool former = c == 0x1CF2 || c == 0x1CF3; // since Unicode 12 letters
    return former || (isMarkToday(c) && !isTooNewFor(ReferenceTable::Mark, c));
}

bool isOther(char32_t c)
{
    const auto kind = category(c);
    const bool other = kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF || kind == UTF8PROC_CATEGORY_CO;
    return other && !isTooNewFor(ReferenceTable::Other, c);
}

bool isCjkIdeograph(char32_t c)
{
    return c >= 0x3400 && ((c >= 0x4E00 && c <= 0x9FFF) || c <= 0x4DBF || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x2A6DF) ||
                           (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0x2F800 && c <= 0x2FA1F));
}

bool isWordCharacter(char32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    const auto kind = category(c);
    const bool letter = kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
    const bool joiner = c == 0x200C || c == 0x200D;
    return letter || joiner || isCircledLetter(c) || isMarkToday(c) || kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL ||
           kind == UTF8PROC_CATEGORY_PC;
}

std::u32string_view lowercase(char32_t c, char32_t (&buffer)[2])
{
    if (c == 0x130) {
        buffer[0] = U'i';
        buffer[1] = 0x307;
        return {buffer, 2};
    }
    buffer[0] = c < 0x80 ? (c >= 'A' && c <= 'Z' ? c + 32 : c) : static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
    return {buffer, 1};
}

} // namespace attnscope::tokenizer
