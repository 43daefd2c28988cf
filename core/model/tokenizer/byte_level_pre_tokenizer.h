// SPDX-License-Identifier: GPL-3.0-or-later
// GPT-2's pre-tokenizer: words with their leading space, each byte as a printable character.
#pragma once

#include "core/model/tokenizer/pre_tokenizer.h"

namespace attnscope::tokenizer {

/// Fields add_prefix_space, use_regex (default true).
std::unique_ptr<PreTokenizer> readByteLevel(const JsonReader& json);

} // namespace attnscope::tokenizer
