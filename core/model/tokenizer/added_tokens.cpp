// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/added_tokens.h"

#include "core/model/tokenizer/unicode.h"

#include <algorithm>
#include <map>

namespace attnscope::tokenizer {

namespace {

/// Longer contents would make the search quadratic in the text.
constexpr std::size_t longestContent = 4096;

char32_t characterBefore(std::string_view text, std::size_t at)
{
    do
        --at;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
    return decodeAt(text, at).c;
}

std::string normalized(const std::string& content, const Normalizer* normalizer, Problem& problem)
{
    if (normalizer == nullptr)
        return content;
    AlignedText text(content, 0);
    if (auto done = normalizer->apply(text, {}); !done)
        problem.set(done.error());
    return text.text();
}

} // namespace

AddedTokens AddedTokens::read(const JsonReader& json, const Model& model, const Normalizer* normalizer)
{
    AddedTokens made;
    std::map<std::int32_t, std::pair<std::string, bool>> patterns; // by id: what to look for, and whether after normalisation
    auto next = static_cast<std::int32_t>(std::min<Index>(model.size(), largestId));
    for (const JsonReader& item : json.isArray() ? json.items() : std::vector<JsonReader>{}) {
        const std::string content = item.text("content");
        if (content.size() > longestContent)
            item.fail("holds a token of more than 4096 bytes");
        const bool special = item.flag("special", false);
        const bool afterNormalizing = item.flag("normalized", !special);
        const Options options{item.flag("single_word", false), item.flag("lstrip", false), item.flag("rstrip", false)};
        if (json.problem().any())
            return made;
        if (content.empty())
            continue;
        auto id = made.m_vocabulary.id(content);
        if (!id)
            id = model.vocabulary().id(content);
        if (!id)
            id = next++;
        made.m_vocabulary.add(content, *id);
        made.m_options[*id] = options;
        patterns[*id] = {afterNormalizing ? normalized(content, normalizer, json.problem()) : content, afterNormalizing};
    }
    std::vector<std::pair<std::string, std::int32_t>> raw;
    std::vector<std::pair<std::string, std::int32_t>> after;
    for (const auto& [id, pattern] : patterns)
        (pattern.second ? after : raw).emplace_back(pattern.first, id);
    made.m_raw = ByteTrie(std::move(raw));
    made.m_normalized = ByteTrie(std::move(after));
    return made;
}

bool AddedTokens::adjust(std::string_view text, std::size_t free, Part& part) const
{
    const Options& options = m_options.at(part.token);
    if (options.singleWord) {
        const bool opens = part.first == 0 || !isWordCharacter(characterBefore(text, part.first));
        const bool closes = part.last == text.size() || !isWordCharacter(decodeAt(text, part.last).c);
        if (!opens || !closes)
            return false;
    }
    if (options.leftStrip) {
        while (part.first > free && isWhitespace(characterBefore(text, part.first)))
            do
                --part.first;
            while (part.first > free && (static_cast<unsigned char>(text[part.first]) & 0xC0) == 0x80);
        part.first = std::max(part.first, free); // the last token may have taken the spaces
    }
    if (options.rightStrip) {
        part.last = std::max(part.last, free); // up to there are spaces that the last token took
        while (part.last < text.size() && isWhitespace(decodeAt(text, part.last).c))
            part.last += sequenceLength(text[part.last]);
    }
    return part.first < part.last;
}

/// Leftmost, longest, not overlapping.
std::vector<AddedTokens::Part> AddedTokens::cut(std::string_view text, const ByteTrie& trie) const
{
    std::vector<Part> parts;
    std::size_t free = 0;
    for (std::size_t at = 0; !trie.empty() && at < text.size();) {
        Part part{at, at, -1};
        trie.prefixes(text, at, [&](std::size_t length, std::int32_t id) { part = {at, at + length, id}; });
        const std::size_t matchEnd = part.last;
        if (part.token >= 0 && adjust(text, free, part)) {
            if (free < part.first)
                parts.push_back({free, part.first, -1});
            parts.push_back(part);
            free = part.last;
        }
        at = std::max(matchEnd, at + 1);
    }
    if (free < text.size())
        parts.push_back({free, text.size(), -1});
    return parts;
}

} // namespace attnscope::tokenizer
