// SPDX-License-Identifier: GPL-3.0-or-later
// Rewrites a pattern in Oniguruma's syntax so that PCRE2 matches the same text.
#pragma once

#include "core/base/result.h"

#include <string>
#include <string_view>

namespace attnscope::tokenizer {

/// Differences handled: \s, \S, \w, \W, \b, \B, \h, \v and script names mean other sets; nested classes and && don't exist in PCRE2;
/// "{n,m}+" repeats instead of being possessive; "(?m" is PCRE2's "(?s". The error's `what` is a clause, not a sentence.
Result<std::string> translateRegex(std::string_view pattern);

} // namespace attnscope::tokenizer
