// SPDX-License-Identifier: GPL-3.0-or-later
// BERT's basic cleaning: controls, white space, CJK, accents, case.
#pragma once

#include "core/model/tokenizer/normalizer.h"

namespace attnscope::tokenizer {

/// Fields clean_text, handle_chinese_chars, strip_accents (null: as lowercase), lowercase.
std::unique_ptr<Normalizer> readBertNormalizer(const JsonReader& json);

/// The full lower case mapping of a whole text.
void toLowercase(AlignedText& text);

} // namespace attnscope::tokenizer
