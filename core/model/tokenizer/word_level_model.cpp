// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/word_level_model.h"

namespace attnscope::tokenizer {

namespace {

class WordLevelModel : public Model {
public:
    WordLevelModel(Vocabulary vocabulary, std::optional<std::int32_t> unknown) : Model(std::move(vocabulary)), m_unknown(unknown) {}

    Result<void> tokenize(std::string_view word, std::vector<ModelToken>& out, const RunContext&) const override
    {
        auto id = vocabulary().id(word);
        if (!id)
            id = m_unknown;
        if (!id)
            return noTokenFits(word);
        out.push_back({*id, 0, static_cast<std::uint32_t>(word.size())});
        return {};
    }

private:
    std::optional<std::int32_t> m_unknown;
};

} // namespace

std::unique_ptr<Model> readWordLevel(const JsonReader& json)
{
    Vocabulary vocabulary = readVocabulary(json);
    const auto unknown = vocabulary.id(json.text("unk_token", "<unk>"));
    if (json.problem().any())
        return nullptr;
    return std::make_unique<WordLevelModel>(std::move(vocabulary), unknown);
}

} // namespace attnscope::tokenizer
