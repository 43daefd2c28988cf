// SPDX-License-Identifier: GPL-3.0-or-later
// Regular expressions as tokenizer files write them (Oniguruma's syntax), run by PCRE2 within bounds.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/model/tokenizer/aligned_text.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope::tokenizer {

/// Immutable and thread-safe.
class Regex {
public:
    /// Errors: Unsupported where PCRE2 has no such construct, with the pattern's text.
    static Result<Regex> compile(std::string_view pattern);

    /// Appends the matches in well-formed UTF-8 and the gaps between them, in order, so that together they cover the text.
    /// Errors: Unsupported where a match would take too long, Cancelled.
    Result<void> find(std::string_view text, std::vector<Match>& out, const RunContext& context) const;

private:
    struct Code;
    explicit Regex(std::shared_ptr<const Code> code) : m_code(std::move(code)) {}
    std::shared_ptr<const Code> m_code;
};

} // namespace attnscope::tokenizer
