// SPDX-License-Identifier: GPL-3.0-or-later
// WordPiece (Schuster and Nakajima 2012, as BERT uses it): the longest token that fits, from left to right.
#pragma once

#include "core/model/tokenizer/model.h"

namespace attnscope::tokenizer {

/// Fields vocab, unk_token, continuing_subword_prefix, max_input_chars_per_word.
std::unique_ptr<Model> readWordPiece(const JsonReader& json);

} // namespace attnscope::tokenizer
