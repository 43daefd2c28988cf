// SPDX-License-Identifier: GPL-3.0-or-later
// Byte-pair encoding (Sennrich et al. 2016): merges the pair of lowest rank until none is left.
#pragma once

#include "core/model/tokenizer/model.h"

namespace attnscope::tokenizer {

/// Fields vocab, merges ("a b" or ["a", "b"]), unk_token, fuse_unk, byte_fallback, ignore_merges, continuing_subword_prefix,
/// end_of_word_suffix. dropout belongs to training and is ignored.
std::unique_ptr<Model> readBpe(const JsonReader& json);

} // namespace attnscope::tokenizer
