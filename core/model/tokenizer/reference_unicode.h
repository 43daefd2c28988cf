// SPDX-License-Identifier: GPL-3.0-or-later
// Where the `tokenizers` library's character tables are older than utf8proc's: models were trained with those.
#pragma once

namespace attnscope::tokenizer {

enum class ReferenceTable { NonspacingMark, Mark, Punctuation, Other, Decomposition };

/// Whether utf8proc gives the character this property (or this mapping) and the library's older table doesn't.
bool isTooNewFor(ReferenceTable table, char32_t c);

} // namespace attnscope::tokenizer
