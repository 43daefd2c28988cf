// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/pattern.h"

namespace attnscope::tokenizer {

std::optional<Pattern> Pattern::read(const JsonReader& json)
{
    Pattern made;
    if (json.isString()) {
        made.m_literal = json.asText();
    } else if (json.has("String")) {
        made.m_literal = json.text("String");
    } else if (!json.has("Regex")) {
        json.fail("holds neither \"String\" nor \"Regex\"");
        return std::nullopt;
    }
    if (made.m_literal.empty()) { // an empty text matches between all characters, as an empty pattern does
        auto regex = Regex::compile(json.has("Regex") ? json.text("Regex") : "");
        if (!regex) {
            json.problem().set(regex.error());
            return std::nullopt;
        }
        made.m_regex = std::move(*regex);
    }
    return made;
}

Result<void> Pattern::find(std::string_view text, std::vector<Match>& out, const RunContext& context) const
{
    if (m_regex)
        return m_regex->find(text, out, context);
    std::size_t covered = 0;
    for (std::size_t at = text.find(m_literal); at != std::string_view::npos; at = text.find(m_literal, covered)) {
        if (covered < at)
            out.push_back({covered, at, false});
        covered = at + m_literal.size();
        out.push_back({at, covered, true});
    }
    if (covered < text.size())
        out.push_back({covered, text.size(), false});
    return {};
}

} // namespace attnscope::tokenizer
