// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/byte_alphabet.h"

#include "core/model/tokenizer/unicode.h"

#include <array>

namespace attnscope::tokenizer {

namespace {

bool standsForItself(unsigned byte) { return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE; }

struct Alphabet {
    std::array<char32_t, 256> character{};
    std::array<int, 0x180> byte{};

    Alphabet()
    {
        byte.fill(-1);
        char32_t next = 0x100;
        for (unsigned b = 0; b < 256; ++b) {
            character[b] = standsForItself(b) ? b : next++;
            byte[character[b]] = static_cast<int>(b);
        }
    }
};

const Alphabet& alphabet()
{
    static const Alphabet made;
    return made;
}

} // namespace

char32_t byteCharacter(unsigned char byte) { return alphabet().character[byte]; }

std::optional<std::string> bytesOfToken(std::string_view token)
{
    std::string bytes;
    for (std::size_t at = 0; at < token.size();) {
        const Decoded d = decodeAt(token, at);
        at += d.length;
        if (d.c >= alphabet().byte.size() || alphabet().byte[d.c] < 0)
            return std::nullopt;
        bytes += static_cast<char>(alphabet().byte[d.c]);
    }
    return bytes;
}

} // namespace attnscope::tokenizer
