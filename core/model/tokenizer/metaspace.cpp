// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/metaspace.h"

#include "core/model/tokenizer/unicode.h"

namespace attnscope::tokenizer {

namespace {

enum class Prepend { Always, First, Never };

void replaceSpaces(Pieces& pieces, const std::string& mark)
{
    std::string text;
    std::vector<Span> spans;
    text.reserve(pieces.text.size() * 3 / 2);
    spans.reserve(pieces.text.size() * 3 / 2);
    for (Piece& piece : pieces.pieces) {
        const std::size_t begin = text.size();
        for (std::size_t at = piece.first; at < piece.last; ++at) {
            if (piece.token < 0 && pieces.text[at] == ' ')
                text += mark;
            else
                text += pieces.text[at];
            spans.resize(text.size(), pieces.spans[at]);
        }
        piece.first = begin;
        piece.last = text.size();
    }
    pieces.text = std::move(text);
    pieces.spans = std::move(spans);
}

class Metaspace : public PreTokenizer {
public:
    Metaspace(char32_t replacement, Prepend scheme, bool split) : m_replacement(replacement), m_scheme(scheme), m_split(split)
    {
        appendUtf8(m_mark, replacement);
    }

    Result<void> apply(Pieces& pieces, const RunContext&) const override
    {
        replaceSpaces(pieces, m_mark);
        if (m_scheme != Prepend::Never)
            prependToPieces(pieces, m_mark, [&](const Piece& piece) {
                const bool eligible = m_scheme == Prepend::Always || pieces.spans[piece.first].first == 0;
                return eligible && !pieces.view(piece).starts_with(m_mark);
            });
        if (!m_split)
            return {};
        return splitPieces(pieces, findCharacters([c = m_replacement](char32_t other) { return other == c; }),
                           SplitBehavior::MergedWithNext);
    }

private:
    char32_t m_replacement;
    Prepend m_scheme;
    bool m_split;
    std::string m_mark;
};

} // namespace

std::unique_ptr<PreTokenizer> readMetaspace(const JsonReader& json)
{
    const std::string replacement = json.text("replacement");
    if (replacement.empty() || sequenceLength(replacement[0]) != replacement.size()) {
        json.child("replacement").fail("is not one character");
        return nullptr;
    }
    const bool prefix = json.flag("add_prefix_space", true);
    const std::string scheme = json.text("prepend_scheme", prefix ? "always" : "never");
    if (scheme != "always" && scheme != "first" && scheme != "never") {
        json.child("prepend_scheme").fail("is none of \"always\", \"first\" and \"never\"");
        return nullptr;
    }
    const Prepend prepend = scheme == "always" ? Prepend::Always : scheme == "first" ? Prepend::First : Prepend::Never;
    return std::make_unique<Metaspace>(decodeAt(replacement, 0).c, prepend, json.flag("split", true));
}

} // namespace attnscope::tokenizer
