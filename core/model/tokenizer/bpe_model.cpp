// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/bpe_model.h"

#include "core/model/tokenizer/junctions.h"
#include "core/model/tokenizer/merge_table.h"
#include "core/model/tokenizer/unicode.h"

#include <queue>

namespace attnscope::tokenizer {

namespace {

struct Options {
    std::optional<std::int32_t> unknown;
    bool unknownMissing = false; // the file names an unknown token that its vocabulary lacks
    bool fuseUnknown = false;
    bool byteFallback = false;
    bool ignoreMerges = false;
    std::string continuingPrefix;
    std::string wordSuffix;
};

/// A symbol of a word in a doubly linked list; -1 ends it, and length 0 means merged away.
struct Symbol {
    std::int32_t id;
    std::int32_t previous;
    std::int32_t next;
    std::uint32_t length;
};

struct Candidate {
    std::uint32_t rank;
    std::int32_t position;
    std::int32_t id;

    bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : position > other.position; }
};

using Candidates = std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>>;

class BpeModel : public Model {
public:
    BpeModel(Vocabulary vocabulary, std::span<const MergeRule> rules, Options options)
        : Model(std::move(vocabulary)), m_merges(rules.size()), m_junctions(rules), m_options(std::move(options))
    {
        std::uint32_t rank = 0;
        for (const MergeRule& rule : rules)
            m_merges.set(rule.left, rule.right, {rank++, rule.result});
    }

    Result<void> tokenize(std::string_view word, std::vector<ModelToken>& out, const RunContext& context) const override
    {
        if (m_options.ignoreMerges)
            if (const auto whole = vocabulary().id(word)) {
                out.push_back({*whole, 0, static_cast<std::uint32_t>(word.size())});
                return {};
            }
        auto symbols = split(word);
        if (!symbols)
            return symbols.error();
        if (!mergeParts(*symbols, context))
            return cancelledError();
        std::uint32_t at = 0;
        for (const Symbol& symbol : *symbols) {
            if (symbol.length == 0)
                continue;
            out.push_back({symbol.id, at, at + symbol.length});
            at += symbol.length;
        }
        return {};
    }

private:
    Result<std::vector<Symbol>> split(std::string_view word) const;
    bool mergeParts(std::vector<Symbol>& symbols, const RunContext& context) const;
    bool merge(std::vector<Symbol>& symbols, std::size_t first, std::size_t last, const RunContext& context) const;
    void propose(const std::vector<Symbol>& symbols, std::int32_t at, Candidates& candidates) const;

    MergeTable m_merges;
    Junctions m_junctions;
    Options m_options;
};

/// One symbol a character, with the unknown and byte tokens where there is none.
Result<std::vector<Symbol>> BpeModel::split(std::string_view word) const
{
    std::vector<Symbol> symbols;
    symbols.reserve(word.size());
    std::uint32_t unknownLength = 0; // of the unknown symbol that is still growing
    const auto add = [&](std::int32_t id, std::uint32_t length) {
        symbols.push_back({id, static_cast<std::int32_t>(symbols.size()) - 1, static_cast<std::int32_t>(symbols.size()) + 1, length});
    };
    const auto flush = [&] {
        if (unknownLength > 0)
            add(*m_options.unknown, unknownLength);
        unknownLength = 0;
    };
    std::string spelled;
    std::vector<ModelToken> bytes;
    for (std::size_t at = 0; at < word.size();) {
        const std::size_t length = sequenceLength(word[at]);
        std::string_view character = word.substr(at, length);
        const bool first = at == 0;
        at += length;
        const bool last = at >= word.size();
        if ((!first && !m_options.continuingPrefix.empty()) || (last && !m_options.wordSuffix.empty())) {
            spelled = (first ? "" : m_options.continuingPrefix) + std::string(character) + (last ? m_options.wordSuffix : "");
            character = spelled;
        }
        bytes.clear();
        if (const auto id = vocabulary().id(character)) {
            flush();
            add(*id, static_cast<std::uint32_t>(length));
        } else if (m_options.byteFallback && appendByteTokens(character, bytes)) {
            for (const ModelToken& byte : bytes)
                add(byte.id, 1);
        } else if (m_options.unknown) {
            if (!m_options.fuseUnknown)
                flush();
            unknownLength += static_cast<std::uint32_t>(length);
        } else if (m_options.unknownMissing) {
            return noTokenFits(character);
        }
    }
    flush();
    if (!symbols.empty())
        symbols.back().next = -1;
    return symbols;
}

void BpeModel::propose(const std::vector<Symbol>& symbols, std::int32_t at, Candidates& candidates) const
{
    if (at < 0 || symbols[static_cast<std::size_t>(at)].next < 0)
        return;
    const Symbol& left = symbols[static_cast<std::size_t>(at)];
    if (const Merge* merge = m_merges.find(left.id, symbols[static_cast<std::size_t>(left.next)].id))
        candidates.push({merge->rank, at, merge->id});
}

/// Merges part by part: short queues stay in the cache. False where it was stopped.
bool BpeModel::mergeParts(std::vector<Symbol>& symbols, const RunContext& context) const
{
    constexpr std::size_t shortWord = 32;
    if (symbols.size() <= shortWord)
        return merge(symbols, 0, symbols.size(), context);
    std::size_t first = 0;
    for (std::size_t i = 1; i <= symbols.size(); ++i) {
        if (i < symbols.size() && m_junctions.mayJoin(symbols[i - 1].id, symbols[i].id))
            continue;
        if (i < symbols.size())
            symbols[i].previous = -1;
        symbols[i - 1].next = -1;
        if (!merge(symbols, first, i, context))
            return false;
        first = i;
        constexpr std::size_t betweenQuestions = 4096;
        if (i % betweenQuestions == 0 && context.cancelled())
            return false;
    }
    return true;
}

bool BpeModel::merge(std::vector<Symbol>& symbols, std::size_t first, std::size_t last, const RunContext& context) const
{
    Candidates candidates;
    for (std::size_t i = first; i < last; ++i)
        propose(symbols, static_cast<std::int32_t>(i), candidates);
    for (std::size_t round = 1; !candidates.empty(); ++round) {
        if (round % 65536 == 0 && context.cancelled())
            return false;
        const Candidate top = candidates.top();
        candidates.pop();
        Symbol& left = symbols[static_cast<std::size_t>(top.position)];
        if (left.length == 0 || left.next < 0)
            continue;
        Symbol& right = symbols[static_cast<std::size_t>(left.next)];
        const Merge* merge = m_merges.find(left.id, right.id);
        if (merge == nullptr || merge->id != top.id)
            continue; // the pair that was proposed is gone
        left.id = top.id;
        left.length += right.length;
        left.next = right.next;
        right.length = 0;
        if (left.next >= 0)
            symbols[static_cast<std::size_t>(left.next)].previous = top.position;
        propose(symbols, left.previous, candidates);
        propose(symbols, top.position, candidates);
    }
    return true;
}

/// The two halves of one merge, as a pair or as a text with a space.
std::pair<std::string, std::string> readPair(const JsonReader& json)
{
    if (json.isArray()) {
        const auto halves = json.items();
        if (halves.size() == 2)
            return {halves[0].asText(), halves[1].asText()};
        json.fail("holds a merge that is not a pair");
        return {};
    }
    const std::string text = json.asText();
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
        json.fail("holds a merge that is not two tokens with a space between");
        return {};
    }
    return {text.substr(0, space), text.substr(space + 1)};
}

/// The merges in the order of their ranks.
std::vector<MergeRule> readMerges(const JsonReader& json, const Vocabulary& vocabulary, const std::string& continuingPrefix)
{
    const JsonReader list = json.child("merges");
    const auto items = list.items();
    std::vector<MergeRule> rules;
    rules.reserve(items.size());
    const auto idOf = [&](const std::string& token) {
        const auto id = vocabulary.id(token);
        if (!id)
            list.fail("names \"" + shortened(token, 60) + "\", which is not in the vocabulary");
        return id.value_or(0);
    };
    for (const JsonReader& item : items) {
        if (item.isString() && item.asText().starts_with("#version"))
            continue;
        const auto [left, right] = readPair(item);
        if (right.size() < continuingPrefix.size())
            list.fail("holds a token without the continuing prefix");
        if (json.problem().any())
            break;
        rules.push_back({idOf(left), idOf(right), idOf(left + right.substr(continuingPrefix.size()))});
    }
    return rules;
}

} // namespace

std::unique_ptr<Model> readBpe(const JsonReader& json)
{
    Vocabulary vocabulary = readVocabulary(json);
    Options options;
    options.fuseUnknown = json.flag("fuse_unk", false);
    options.byteFallback = json.flag("byte_fallback", false);
    options.ignoreMerges = json.flag("ignore_merges", false);
    options.continuingPrefix = json.text("continuing_subword_prefix", "");
    options.wordSuffix = json.text("end_of_word_suffix", "");
    if (json.has("unk_token"))
        options.unknown = vocabulary.id(json.text("unk_token"));
    options.unknownMissing = json.has("unk_token") && !options.unknown;
    const std::vector<MergeRule> rules = readMerges(json, vocabulary, options.continuingPrefix);
    if (json.problem().any())
        return nullptr;
    return std::make_unique<BpeModel>(std::move(vocabulary), rules, std::move(options));
}

} // namespace attnscope::tokenizer
