// SPDX-License-Identifier: GPL-3.0-or-later
// GPT-2's alphabet: one printable character for each of the 256 byte values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace attnscope::tokenizer {

/// The character that stands for a byte (Radford et al. 2019, byte-level BPE): itself where it is printable, else from U+0100 on.
char32_t byteCharacter(unsigned char byte);

/// The bytes that a token of byte characters stands for, or nothing where another character is in it.
std::optional<std::string> bytesOfToken(std::string_view token);

} // namespace attnscope::tokenizer
