// SPDX-License-Identifier: GPL-3.0-or-later
// WordLevel: each word is a token or the unknown one.
#pragma once

#include "core/model/tokenizer/model.h"

namespace attnscope::tokenizer {

/// Fields vocab, unk_token.
std::unique_ptr<Model> readWordLevel(const JsonReader& json);

} // namespace attnscope::tokenizer
