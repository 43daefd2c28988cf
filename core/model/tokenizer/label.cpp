// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/label.h"

#include "core/model/tokenizer/byte_alphabet.h"
#include "core/model/tokenizer/unicode.h"

namespace attnscope::tokenizer {

namespace {

char32_t visible(char32_t c, bool byteLevel)
{
    constexpr char32_t sentencepieceSpace = 0x2581;
    constexpr char32_t spaceMark = 0x2423;
    constexpr char32_t controlPictures = 0x2400;
    if (c == ' ' || (c == sentencepieceSpace && !byteLevel))
        return spaceMark;
    if (c == '\n')
        return 0x21B5;
    if (c == '\t')
        return 0x2192;
    if (c < 0x20)
        return controlPictures + c;
    return c == 0x7F ? char32_t{0x2421} : c;
}

void appendEscapedByte(std::string& label, char byte)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto value = static_cast<unsigned char>(byte);
    label += "\\x";
    label += digits[value >> 4];
    label += digits[value & 0xF];
}

} // namespace

std::string readableLabel(std::string_view token, bool byteLevel)
{
    std::string text(token);
    if (byteLevel)
        if (auto bytes = bytesOfToken(token))
            text = std::move(*bytes);
    std::string label;
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t valid = firstInvalidUtf8(rest).value_or(rest.size());
        for (std::size_t at = 0; at < valid;) {
            const Decoded d = decodeAt(rest, at);
            appendUtf8(label, visible(d.c, byteLevel));
            at += d.length;
        }
        rest.remove_prefix(valid);
        if (!rest.empty()) {
            appendEscapedByte(label, rest[0]);
            rest.remove_prefix(1);
        }
    }
    return label;
}

} // namespace attnscope::tokenizer
