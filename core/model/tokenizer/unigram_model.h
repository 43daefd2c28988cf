// SPDX-License-Identifier: GPL-3.0-or-later
// Unigram language model (Kudo 2018): the segmentation whose tokens have the largest sum of scores.
#pragma once

#include "core/model/tokenizer/model.h"

namespace attnscope::tokenizer {

/// Fields vocab ([token, score] pairs; the position is the id), unk_id, byte_fallback.
std::unique_ptr<Model> readUnigram(const JsonReader& json);

} // namespace attnscope::tokenizer
