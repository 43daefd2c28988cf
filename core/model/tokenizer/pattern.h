// SPDX-License-Identifier: GPL-3.0-or-later
// What Replace and Split look for: a fixed text or a regular expression.
#pragma once

#include "core/model/tokenizer/json_reader.h"
#include "core/model/tokenizer/regex.h"

#include <optional>

namespace attnscope::tokenizer {

/// Immutable and thread-safe.
class Pattern {
public:
    /// Reads {"String": text} or {"Regex": pattern}; nothing, with the problem noted, where that fails.
    static std::optional<Pattern> read(const JsonReader& json);

    /// Appends hits and gaps in order so that they cover the text. Errors: those of Regex::find.
    Result<void> find(std::string_view text, std::vector<Match>& out, const RunContext& context) const;

private:
    std::string m_literal;
    std::optional<Regex> m_regex;
};

} // namespace attnscope::tokenizer
