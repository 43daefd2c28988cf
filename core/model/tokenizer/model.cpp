// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/model.h"

#include "core/model/tokenizer/bpe_model.h"
#include "core/model/tokenizer/unicode.h"
#include "core/model/tokenizer/unigram_model.h"
#include "core/model/tokenizer/word_level_model.h"
#include "core/model/tokenizer/wordpiece_model.h"

namespace attnscope::tokenizer {

bool Model::appendByteTokens(std::string_view text, std::vector<ModelToken>& out) const
{
    const std::size_t before = out.size();
    for (const char byte : text) {
        const auto id = m_vocabulary.id(byteTokenName(static_cast<unsigned char>(byte)));
        if (!id) {
            out.resize(before);
            return false;
        }
        out.push_back({*id, 0, 0});
    }
    return true;
}

Error noTokenFits(std::string_view word)
{
    constexpr std::size_t shown = 40;
    return {Errc::Unsupported, "The tokenizer has no token for \"" + shortened(word, shown) + "\" and none for unknown words.",
            "Leave these characters out, or use the tokenizer.json that belongs to the model."};
}

Vocabulary readVocabulary(const JsonReader& json)
{
    Vocabulary vocabulary;
    for (auto& [token, id] : json.child("vocab").members())
        vocabulary.add(token, static_cast<std::int32_t>(id.asInteger(0, largestId)));
    return vocabulary;
}

std::unique_ptr<Model> readModel(const JsonReader& json)
{
    if (!json.isObject()) {
        json.fail("is missing");
        return nullptr;
    }
    std::string type = json.text("type", "");
    if (type.empty())
        type = json.has("merges")                      ? "BPE"
               : json.has("continuing_subword_prefix") ? "WordPiece"
               : json.child("vocab").isArray()         ? "Unigram"
                                                       : "WordLevel";
    if (json.problem().any())
        return nullptr;
    if (type == "BPE")
        return readBpe(json);
    if (type == "WordPiece")
        return readWordPiece(json);
    if (type == "Unigram")
        return readUnigram(json);
    if (type == "WordLevel")
        return readWordLevel(json);
    json.failUnknown("model", type);
    return nullptr;
}

} // namespace attnscope::tokenizer
