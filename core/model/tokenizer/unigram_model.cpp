// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/unigram_model.h"

#include "core/model/tokenizer/byte_trie.h"
#include "core/model/tokenizer/unicode.h"

#include <algorithm>
#include <limits>

namespace attnscope::tokenizer {

namespace {

constexpr double unknownPenalty = 10.0;

class UnigramModel : public Model {
public:
    UnigramModel(Vocabulary vocabulary, std::vector<double> scores, ByteTrie trie, std::optional<std::int32_t> unknown, bool byteFallback)
        : Model(std::move(vocabulary)),
          m_scores(std::move(scores)),
          m_trie(std::move(trie)),
          m_unknown(unknown),
          m_byteFallback(byteFallback)
    {
        m_unknownScore = std::numeric_limits<double>::infinity();
        for (const double score : m_scores)
            m_unknownScore = std::min(m_unknownScore, score);
        m_unknownScore -= unknownPenalty;
    }

    Result<void> tokenize(std::string_view word, std::vector<ModelToken>& out, const RunContext& context) const override
    {
        auto path = bestPath(word, context);
        if (!path)
            return path.error();
        for (const ModelToken& token : *path)
            append(word, token, out);
        return {};
    }

    Index size() const override { return static_cast<Index>(m_scores.size()); }

private:
    /// The best way to reach a byte: from where, by which token.
    struct Step {
        double score = 0.0;
        std::int64_t from = -1;
        std::int32_t id = -1;
    };

    Result<std::vector<ModelToken>> bestPath(std::string_view word, const RunContext& context) const;
    void append(std::string_view word, const ModelToken& token, std::vector<ModelToken>& out) const;

    std::vector<double> m_scores; // by id
    ByteTrie m_trie;
    std::optional<std::int32_t> m_unknown;
    bool m_byteFallback;
    double m_unknownScore;
};

/// Viterbi over the bytes of the word; neighbouring unknown characters come as one token.
Result<std::vector<ModelToken>> UnigramModel::bestPath(std::string_view word, const RunContext& context) const
{
    std::vector<Step> steps(word.size() + 1);
    for (std::size_t at = 0, round = 1; at < word.size(); ++round) {
        if (round % 65536 == 0 && context.cancelled())
            return cancelledError();
        const std::size_t character = sequenceLength(word[at]);
        const double here = steps[at].score;
        const auto offer = [&](std::size_t length, std::int32_t id, double score) {
            Step& step = steps[at + length];
            if (step.from < 0 || score > step.score)
                step = {score, static_cast<std::int64_t>(at), id};
        };
        bool known = false;
        m_trie.prefixes(word, at, [&](std::size_t length, std::int32_t id) {
            offer(length, id, m_scores[static_cast<std::size_t>(id)] + here);
            known = known || length == character;
        });
        if (!known) {
            if (!m_unknown)
                return noTokenFits(word.substr(at, character));
            offer(character, *m_unknown, m_unknownScore + here);
        }
        at += character;
    }
    std::vector<ModelToken> path;
    for (std::size_t end = word.size(); end > 0;) {
        const Step& step = steps[end];
        const auto first = static_cast<std::uint32_t>(step.from);
        if (step.id == m_unknown && !path.empty() && path.back().id == step.id)
            path.back().first = first;
        else
            path.push_back({step.id, first, static_cast<std::uint32_t>(end)});
        end = first;
    }
    std::reverse(path.begin(), path.end());
    return path;
}

/// A run of unknown characters may be a token as a whole, or be spelled in bytes.
void UnigramModel::append(std::string_view word, const ModelToken& token, std::vector<ModelToken>& out) const
{
    const std::size_t before = out.size();
    if (token.id == m_unknown) {
        const std::string_view text = word.substr(token.first, token.last - token.first);
        if (const auto whole = vocabulary().id(text))
            out.push_back({*whole, 0, 0});
        else if (m_byteFallback)
            appendByteTokens(text, out);
    }
    if (out.size() == before)
        out.push_back(token);
    for (std::size_t i = before; i < out.size(); ++i) {
        out[i].first = token.first;
        out[i].last = token.last;
    }
}

} // namespace

std::unique_ptr<Model> readUnigram(const JsonReader& json)
{
    Vocabulary vocabulary;
    std::vector<double> scores;
    std::vector<std::pair<std::string, std::int32_t>> entries;
    for (const JsonReader& item : json.child("vocab").items()) {
        const auto pair = item.items();
        if (pair.size() != 2)
            item.fail("holds an entry that is not a token and its score");
        if (json.problem().any())
            return nullptr;
        const auto id = static_cast<std::int32_t>(scores.size());
        const std::string token = pair[0].asText();
        vocabulary.add(token, id);
        entries.emplace_back(token, id);
        scores.push_back(pair[1].asNumber());
    }
    std::optional<std::int32_t> unknown;
    if (json.has("unk_id"))
        unknown = static_cast<std::int32_t>(json.integer("unk_id", 0, std::max<std::int64_t>(0, vocabulary.limit() - 1)));
    const bool byteFallback = json.flag("byte_fallback", false);
    if (scores.empty())
        json.child("vocab").fail("is empty");
    if (json.problem().any())
        return nullptr;
    return std::make_unique<UnigramModel>(std::move(vocabulary), std::move(scores), ByteTrie(std::move(entries)), unknown, byteFallback);
}

} // namespace attnscope::tokenizer
