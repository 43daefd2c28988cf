// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/byte_level_pre_tokenizer.h"

#include "core/model/tokenizer/byte_alphabet.h"
#include "core/model/tokenizer/regex.h"
#include "core/model/tokenizer/unicode.h"

#include <array>
#include <optional>

namespace attnscope::tokenizer {

namespace {

/// The words of GPT-2 (Radford et al. 2019).
constexpr std::string_view wordPattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

void toByteCharacters(Pieces& pieces)
{
    std::array<std::string, 256> spelled;
    for (unsigned b = 0; b < 256; ++b)
        appendUtf8(spelled[b], byteCharacter(static_cast<unsigned char>(b)));
    std::string text;
    std::vector<Span> spans;
    text.reserve(pieces.text.size() * 5 / 4);
    spans.reserve(pieces.text.size() * 5 / 4);
    for (Piece& piece : pieces.pieces) {
        const std::size_t begin = text.size();
        for (std::size_t at = piece.first; at < piece.last; ++at) {
            if (piece.token >= 0)
                text += pieces.text[at];
            else
                text += spelled[static_cast<unsigned char>(pieces.text[at])];
            spans.resize(text.size(), pieces.spans[at]);
        }
        piece.first = begin;
        piece.last = text.size();
    }
    pieces.text = std::move(text);
    pieces.spans = std::move(spans);
}

class ByteLevel : public PreTokenizer {
public:
    ByteLevel(bool prefixSpace, std::optional<Regex> words) : m_prefixSpace(prefixSpace), m_words(std::move(words)) {}

    Result<void> apply(Pieces& pieces, const RunContext& context) const override
    {
        if (m_prefixSpace)
            prependToPieces(pieces, " ", [&](const Piece& piece) { return pieces.text[piece.first] != ' '; });
        if (m_words) {
            const auto find = [&](std::string_view piece, std::vector<Match>& out) { return m_words->find(piece, out, context); };
            if (auto split = splitPieces(pieces, find, SplitBehavior::Isolated); !split)
                return split;
        }
        toByteCharacters(pieces);
        return {};
    }

private:
    bool m_prefixSpace;
    std::optional<Regex> m_words;
};

} // namespace

std::unique_ptr<PreTokenizer> readByteLevel(const JsonReader& json)
{
    const bool prefixSpace = json.flag("add_prefix_space", true);
    std::optional<Regex> words;
    if (json.flag("use_regex", true)) {
        auto compiled = Regex::compile(wordPattern);
        if (!compiled) {
            json.problem().set(compiled.error());
            return nullptr;
        }
        words = std::move(*compiled);
    }
    return std::make_unique<ByteLevel>(prefixSpace, std::move(words));
}

} // namespace attnscope::tokenizer
