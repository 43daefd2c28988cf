// SPDX-License-Identifier: GPL-3.0-or-later
// sentencepiece's pre-tokenizer: spaces become a visible mark that begins each word.
#pragma once

#include "core/model/tokenizer/pre_tokenizer.h"

namespace attnscope::tokenizer {

/// Fields replacement, prepend_scheme (always, first or never; default always), split (default true), add_prefix_space (older files).
std::unique_ptr<PreTokenizer> readMetaspace(const JsonReader& json);

} // namespace attnscope::tokenizer
