// SPDX-License-Identifier: GPL-3.0-or-later
// Token spellings as a person reads them on an axis.
#pragma once

#include <string>
#include <string_view>

namespace attnscope::tokenizer {

/// Spaces (and sentencepiece's mark for them) become "␣", line ends "↵", tabs "→", other controls their pictures, bytes that are no
/// character "\xE2". byteLevel: the token is spelled in byte characters.
std::string readableLabel(std::string_view token, bool byteLevel);

} // namespace attnscope::tokenizer
