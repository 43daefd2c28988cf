// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/pipeline.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_map>

namespace attnscope::tokenizer {

namespace {

/// Whether a component, or one in its sequence, has the given type.
bool mentions(const JsonReader& json, std::string_view type, int depth = 0)
{
    constexpr int deepest = 8;
    if (depth > deepest || !json.isObject())
        return false;
    if (json.child("type").isString() && json.type() == type)
        return true;
    for (const char* list : {"normalizers", "pretokenizers", "decoders"})
        if (json.child(list).isArray())
            for (const JsonReader& item : json.child(list).items())
                if (mentions(item, type, depth + 1))
                    return true;
    return false;
}

/// The tokens of words that came before: natural text repeats most of its words.
class WordCache {
public:
    struct Entry {
        std::size_t first = 0;
        std::size_t count = 0;
    };

    /// The tokens in `all` of a word that is there already, or null.
    const Entry* find(std::string_view word) const
    {
        const auto found = m_entries.find(word);
        return found == m_entries.end() ? nullptr : &found->second;
    }
    void add(std::string_view word, Entry entry)
    {
        constexpr std::size_t longestWord = 256;
        if (word.size() <= longestWord)
            m_entries.emplace(word, entry);
    }

private:
    std::unordered_map<std::string_view, Entry> m_entries; // words borrow the text
};

PlacedToken place(const Pieces& pieces, const Piece& piece, const ModelToken& token, std::string_view value)
{
    const std::size_t length = piece.last - piece.first;
    const std::size_t first = piece.first + std::min<std::size_t>(token.first, length - 1);
    const std::size_t last = piece.first + std::clamp<std::size_t>(token.last, first - piece.first + 1, length);
    return {token.id, pieces.spans[first].first, pieces.spans[last - 1].last, value};
}

} // namespace

Result<std::shared_ptr<const Pipeline>> Pipeline::read(std::string_view json)
{
    const auto document = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
    if (document.is_discarded() || !document.is_object())
        return Error{Errc::Parse, "The tokenizer file is not valid JSON.",
                     "Take tokenizer.json from the model's own folder again; it may be damaged."};
    Problem problem;
    const JsonReader root(document, problem, "");
    auto made = std::make_shared<Pipeline>();
    made->m_model = readModel(root.child("model"));
    if (!problem.any() && root.has("normalizer"))
        made->m_normalizer = readNormalizer(root.child("normalizer"));
    if (!problem.any() && root.has("pre_tokenizer"))
        made->m_preTokenizer = readPreTokenizer(root.child("pre_tokenizer"));
    if (!problem.any() && root.has("post_processor"))
        made->m_postProcessor = readPostProcessor(root.child("post_processor"));
    if (!problem.any())
        made->m_added = AddedTokens::read(root.child("added_tokens"), *made->m_model, made->m_normalizer.get());
    if (problem.any())
        return problem.error();
    for (const char* part : {"normalizer", "pre_tokenizer", "decoder"})
        made->m_byteLevel = made->m_byteLevel || mentions(root.child(part), "ByteLevel");
    if (problem.any())
        return problem.error();
    return std::shared_ptr<const Pipeline>(std::move(made));
}

Result<Pieces> Pipeline::cut(std::string_view text, const RunContext& context) const
{
    Pieces pieces;
    for (const AddedTokens::Part& part : m_added.cutRaw(text)) {
        AlignedText segment(text.substr(part.first, part.last - part.first), static_cast<std::uint32_t>(part.first));
        if (part.token >= 0) {
            pieces.append(segment, 0, segment.text().size(), part.token);
            continue;
        }
        if (m_normalizer)
            if (auto done = m_normalizer->apply(segment, context); !done)
                return done.error();
        for (const AddedTokens::Part& inner : m_added.cutNormalized(segment.text()))
            pieces.append(segment, inner.first, inner.last, inner.token);
        if (context.cancelled())
            return cancelledError();
    }
    if (m_preTokenizer)
        if (auto done = m_preTokenizer->apply(pieces, context); !done)
            return done.error();
    return pieces;
}

Result<std::vector<PlacedToken>> Pipeline::tokenize(const Pieces& pieces, const RunContext& context) const
{
    std::vector<PlacedToken> placed;
    std::vector<ModelToken> all; // of every different word
    WordCache cache;
    std::size_t round = 0;
    for (const Piece& piece : pieces.pieces) {
        if (++round % 4096 == 0 && context.cancelled())
            return cancelledError();
        const std::string_view word = pieces.view(piece);
        if (piece.token >= 0) {
            placed.push_back(place(pieces, piece, {piece.token, 0, static_cast<std::uint32_t>(word.size())}, word));
            continue;
        }
        WordCache::Entry entry{all.size(), 0};
        if (const WordCache::Entry* known = cache.find(word)) {
            entry = *known;
        } else {
            if (auto done = m_model->tokenize(word, all, context); !done)
                return done.error();
            entry.count = all.size() - entry.first;
            cache.add(word, entry);
        }
        for (std::size_t i = entry.first; i < entry.first + entry.count; ++i) {
            const std::string* spelled = m_model->vocabulary().token(all[i].id);
            placed.push_back(place(pieces, piece, all[i], spelled == nullptr ? std::string_view{} : *spelled));
        }
    }
    return placed;
}

Result<std::vector<PlacedToken>> Pipeline::encode(std::string_view text, bool addSpecialTokens, const RunContext& context) const
{
    auto pieces = cut(text, context);
    if (!pieces)
        return pieces.error();
    auto placed = tokenize(*pieces, context);
    if (!placed)
        return placed;
    if (m_postProcessor)
        m_postProcessor->apply(*placed, text, addSpecialTokens);
    for (PlacedToken& token : *placed)
        token.value = {}; // it borrows the pieces
    return placed;
}

const std::string* Pipeline::token(Index id) const
{
    const std::string* added = m_added.vocabulary().token(id);
    return added != nullptr ? added : m_model->vocabulary().token(id);
}

std::optional<Index> Pipeline::id(std::string_view token) const
{
    auto found = m_added.vocabulary().id(token);
    if (!found)
        found = m_model->vocabulary().id(token);
    return found ? std::optional<Index>(*found) : std::nullopt;
}

Index Pipeline::limit() const { return std::max(m_model->vocabulary().limit(), m_added.vocabulary().limit()); }

} // namespace attnscope::tokenizer
