// SPDX-License-Identifier: GPL-3.0-or-later
// The "Precompiled" normalizer: sentencepiece's rules as a double-array trie over UTF-8.
#pragma once

#include "core/model/tokenizer/normalizer.h"

namespace attnscope::tokenizer {

/// Field precompiled_charsmap: base64 of a little-endian byte count, the trie's 32-bit units, and the replacements, each ended by NUL.
std::unique_ptr<Normalizer> readPrecompiled(const JsonReader& json);

} // namespace attnscope::tokenizer
