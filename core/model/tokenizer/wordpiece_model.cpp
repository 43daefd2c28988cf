// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/wordpiece_model.h"

#include "core/model/tokenizer/byte_trie.h"
#include "core/model/tokenizer/unicode.h"

#include <limits>

namespace attnscope::tokenizer {

namespace {

class WordPieceModel : public Model {
public:
    WordPieceModel(Vocabulary vocabulary, ByteTrie first, ByteTrie continuing, std::optional<std::int32_t> unknown,
                   std::int64_t longestWord)
        : Model(std::move(vocabulary)),
          m_first(std::move(first)),
          m_continuing(std::move(continuing)),
          m_unknown(unknown),
          m_longestWord(longestWord)
    {
    }

    Result<void> tokenize(std::string_view word, std::vector<ModelToken>& out, const RunContext&) const override
    {
        std::int64_t characters = 0;
        for (std::size_t at = 0; at < word.size(); at += sequenceLength(word[at]))
            ++characters;
        const std::size_t before = out.size();
        bool fits = characters <= m_longestWord;
        for (std::size_t at = 0; fits && at < word.size();) {
            std::size_t length = 0;
            std::int32_t id = 0;
            (at == 0 ? m_first : m_continuing).prefixes(word, at, [&](std::size_t l, std::int32_t value) {
                length = l;
                id = value;
            });
            fits = length > 0;
            out.push_back({id, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + length)});
            at += length;
        }
        if (fits)
            return {};
        if (!m_unknown)
            return noTokenFits(word);
        out.resize(before);
        out.push_back({*m_unknown, 0, static_cast<std::uint32_t>(word.size())});
        return {};
    }

private:
    ByteTrie m_first;      // tokens that begin a word
    ByteTrie m_continuing; // tokens that go on, without their prefix
    std::optional<std::int32_t> m_unknown;
    std::int64_t m_longestWord;
};

} // namespace

std::unique_ptr<Model> readWordPiece(const JsonReader& json)
{
    Vocabulary vocabulary = readVocabulary(json);
    const std::string prefix = json.text("continuing_subword_prefix", "##");
    const auto unknown = vocabulary.id(json.text("unk_token", "[UNK]"));
    const auto longest = json.integer("max_input_chars_per_word", 0, std::numeric_limits<std::int64_t>::max(), 100);
    std::vector<std::pair<std::string, std::int32_t>> first;
    std::vector<std::pair<std::string, std::int32_t>> continuing;
    for (const auto& [token, value] : json.child("vocab").members()) {
        const std::int32_t id = vocabulary.id(token).value_or(0);
        first.emplace_back(token, id);
        if (token.starts_with(prefix))
            continuing.emplace_back(token.substr(prefix.size()), id);
    }
    if (json.problem().any())
        return nullptr;
    return std::make_unique<WordPieceModel>(std::move(vocabulary), ByteTrie(std::move(first)), ByteTrie(std::move(continuing)), unknown,
                                            longest);
}

} // namespace attnscope::tokenizer
