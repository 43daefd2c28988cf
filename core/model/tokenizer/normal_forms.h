// SPDX-License-Identifier: GPL-3.0-or-later
// The four Unicode normalization forms, keeping track of where each character came from.
#pragma once

#include "core/model/tokenizer/aligned_text.h"

namespace attnscope::tokenizer {

/// NFD, NFKD (compatibility), NFC (compose), NFKC (both); Unicode Standard Annex 15.
void normalizeForm(AlignedText& text, bool compatibility, bool compose);

} // namespace attnscope::tokenizer
