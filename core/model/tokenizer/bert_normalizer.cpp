// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/bert_normalizer.h"

#include "core/model/tokenizer/normal_forms.h"
#include "core/model/tokenizer/unicode.h"

namespace attnscope::tokenizer {

namespace {

bool isLineSpace(char32_t c) { return c == '\t' || c == '\n' || c == '\r'; }

void cleanText(AlignedText& text)
{
    text.filter([](char32_t c) { return isLineSpace(c) || !(c == 0 || c == 0xFFFD || isOther(c)); });
    text.map([](char32_t c) { return isWhitespace(c) ? U' ' : c; });
}

/// Puts spaces around CJK ideographs, so that each becomes a word.
void surroundIdeographs(AlignedText& text)
{
    std::vector<Change> changes;
    changes.reserve(text.text().size());
    bool any = false;
    for (std::size_t at = 0; at < text.text().size();) {
        const Decoded d = decodeAt(text.text(), at);
        at += d.length;
        if (!isCjkIdeograph(d.c)) {
            changes.push_back({d.c, 0});
            continue;
        }
        any = true;
        changes.insert(changes.end(), {{U' ', 0}, {d.c, 1}, {U' ', 1}});
    }
    if (any)
        text.transform(changes, 0);
}

class BertNormalizer : public Normalizer {
public:
    BertNormalizer(bool clean, bool ideographs, bool accents, bool lower)
        : m_clean(clean), m_ideographs(ideographs), m_stripAccents(accents), m_lower(lower)
    {
    }

    Result<void> apply(AlignedText& text, const RunContext&) const override
    {
        if (m_clean)
            cleanText(text);
        if (m_ideographs)
            surroundIdeographs(text);
        if (m_stripAccents) {
            normalizeForm(text, false, false);
            text.filter([](char32_t c) { return !isNonspacingMark(c); });
        }
        if (m_lower)
            toLowercase(text);
        return {};
    }

private:
    bool m_clean;
    bool m_ideographs;
    bool m_stripAccents;
    bool m_lower;
};

} // namespace

void toLowercase(AlignedText& text)
{
    std::vector<Change> changes;
    changes.reserve(text.text().size());
    for (std::size_t at = 0; at < text.text().size();) {
        const Decoded d = decodeAt(text.text(), at);
        at += d.length;
        char32_t buffer[2];
        std::int32_t change = 0;
        for (const char32_t c : lowercase(d.c, buffer)) {
            changes.push_back({c, change});
            change = 1;
        }
    }
    text.transform(changes, 0);
}

std::unique_ptr<Normalizer> readBertNormalizer(const JsonReader& json)
{
    const bool lower = json.flag("lowercase", true);
    return std::make_unique<BertNormalizer>(json.flag("clean_text", true), json.flag("handle_chinese_chars", true),
                                            json.flag("strip_accents", lower), lower);
}

} // namespace attnscope::tokenizer
