// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/pre_tokenizer.h"

#include "core/model/tokenizer/byte_level_pre_tokenizer.h"
#include "core/model/tokenizer/metaspace.h"
#include "core/model/tokenizer/pattern.h"
#include "core/model/tokenizer/unicode.h"

#include <array>
#include <limits>

namespace attnscope::tokenizer {

namespace {

constexpr int deepestSequence = 8;

/// Splits in one or more rounds, each with a finder of its own.
class CharacterSplit : public PreTokenizer {
public:
    struct Round {
        Finder find;
        SplitBehavior behavior;
    };
    explicit CharacterSplit(std::vector<Round> rounds) : m_rounds(std::move(rounds)) {}

    Result<void> apply(Pieces& pieces, const RunContext&) const override
    {
        for (const Round& round : m_rounds)
            if (auto split = splitPieces(pieces, round.find, round.behavior); !split)
                return split;
        return {};
    }

private:
    std::vector<Round> m_rounds;
};

class PatternSplit : public PreTokenizer {
public:
    PatternSplit(Pattern pattern, SplitBehavior behavior, bool invert)
        : m_pattern(std::move(pattern)), m_behavior(behavior), m_invert(invert)
    {
    }

    Result<void> apply(Pieces& pieces, const RunContext& context) const override
    {
        const auto find = [&](std::string_view piece, std::vector<Match>& out) -> Result<void> {
            if (auto found = m_pattern.find(piece, out, context); !found || !m_invert)
                return found;
            for (Match& match : out)
                match.hit = !match.hit;
            return {};
        };
        return splitPieces(pieces, find, m_behavior);
    }

private:
    Pattern m_pattern;
    SplitBehavior m_behavior;
    bool m_invert;
};

class Sequence : public PreTokenizer {
public:
    explicit Sequence(std::vector<std::unique_ptr<PreTokenizer>> steps) : m_steps(std::move(steps)) {}
    Result<void> apply(Pieces& pieces, const RunContext& context) const override
    {
        const std::size_t limit = growthLimit(pieces.text.size());
        for (const auto& step : m_steps) {
            if (auto done = step->apply(pieces, context); !done)
                return done;
            if (pieces.text.size() > limit)
                return growsTooMuch();
        }
        return {};
    }

private:
    std::vector<std::unique_ptr<PreTokenizer>> m_steps;
};

std::unique_ptr<PreTokenizer> splitAt(const std::function<bool(char32_t)>& is, SplitBehavior behavior)
{
    return std::make_unique<CharacterSplit>(std::vector<CharacterSplit::Round>{{findCharacters(is), behavior}});
}

SplitBehavior readBehavior(const JsonReader& json, std::optional<std::string> fallback)
{
    static constexpr std::array<std::pair<const char*, SplitBehavior>, 5> known = {{
        {"Removed", SplitBehavior::Removed},
        {"Isolated", SplitBehavior::Isolated},
        {"MergedWithPrevious", SplitBehavior::MergedWithPrevious},
        {"MergedWithNext", SplitBehavior::MergedWithNext},
        {"Contiguous", SplitBehavior::Contiguous},
    }};
    const std::string name = json.text("behavior", std::move(fallback));
    for (const auto& [spelling, behavior] : known)
        if (name == spelling)
            return behavior;
    json.failUnknown("split behavior", name);
    return SplitBehavior::Isolated;
}

/// Words and runs of other visible characters; what lies between them is dropped.
Result<void> findGapsBetweenWords(std::string_view piece, std::vector<Match>& out)
{
    int previous = 0; // 0 white space, 1 word, 2 other
    for (std::size_t at = 0; at < piece.size();) {
        const Decoded d = decodeAt(piece, at);
        const int kind = isWhitespace(d.c) ? 0 : isWordCharacter(d.c) ? 1 : 2;
        if (out.empty() || kind != previous)
            out.push_back({at, at, kind == 0});
        at += d.length;
        out.back().last = at;
        previous = kind;
    }
    return {};
}

/// Cuts every `length` characters.
Finder findEvery(std::int64_t length)
{
    return [length](std::string_view piece, std::vector<Match>& out) -> Result<void> {
        std::int64_t count = 0;
        for (std::size_t at = 0; at < piece.size(); ++count) {
            if (count % length == 0)
                out.push_back({at, at, false});
            at += sequenceLength(piece[at]);
            out.back().last = at;
        }
        return {};
    };
}

std::unique_ptr<PreTokenizer> readSequence(const JsonReader& json, int depth)
{
    if (depth >= deepestSequence) {
        json.fail("is nested too deeply");
        return nullptr;
    }
    std::vector<std::unique_ptr<PreTokenizer>> steps;
    for (const JsonReader& item : json.child("pretokenizers").items()) {
        steps.push_back(readPreTokenizer(item, depth + 1));
        if (!steps.back())
            return nullptr;
    }
    return std::make_unique<Sequence>(std::move(steps));
}

std::unique_ptr<PreTokenizer> readSplit(const JsonReader& json)
{
    auto pattern = Pattern::read(json.child("pattern"));
    if (!pattern)
        return nullptr;
    return std::make_unique<PatternSplit>(std::move(*pattern), readBehavior(json, std::nullopt), json.flag("invert", false));
}

std::unique_ptr<PreTokenizer> readDelimiter(const JsonReader& json)
{
    const std::string delimiter = json.text("delimiter");
    if (delimiter.empty() || sequenceLength(delimiter[0]) != delimiter.size()) {
        json.child("delimiter").fail("is not one character");
        return nullptr;
    }
    return splitAt([c = decodeAt(delimiter, 0).c](char32_t other) { return other == c; }, SplitBehavior::Removed);
}

std::unique_ptr<PreTokenizer> makeBert()
{
    return std::make_unique<CharacterSplit>(std::vector<CharacterSplit::Round>{{findCharacters(isWhitespace), SplitBehavior::Removed},
                                                                               {findCharacters(isPunctuation), SplitBehavior::Isolated}});
}

} // namespace

std::unique_ptr<PreTokenizer> readPreTokenizer(const JsonReader& json, int depth)
{
    using Rounds = std::vector<CharacterSplit::Round>;
    const std::string type = json.type();
    if (json.problem().any())
        return nullptr;
    if (type == "Sequence")
        return readSequence(json, depth);
    if (type == "ByteLevel")
        return readByteLevel(json);
    if (type == "Metaspace")
        return readMetaspace(json);
    if (type == "Split")
        return readSplit(json);
    if (type == "BertPreTokenizer")
        return makeBert();
    if (type == "WhitespaceSplit")
        return splitAt(isWhitespace, SplitBehavior::Removed);
    if (type == "Whitespace")
        return std::make_unique<CharacterSplit>(Rounds{{findGapsBetweenWords, SplitBehavior::Removed}});
    if (type == "Punctuation")
        return splitAt(isPunctuation, readBehavior(json, "Isolated"));
    if (type == "Digits")
        return splitAt(isNumeric, json.flag("individual_digits", false) ? SplitBehavior::Isolated : SplitBehavior::Contiguous);
    if (type == "CharDelimiterSplit")
        return readDelimiter(json);
    if (type == "FixedLength") {
        const auto length = json.integer("length", 1, std::numeric_limits<std::int32_t>::max(), 5);
        return std::make_unique<CharacterSplit>(Rounds{{findEvery(length), SplitBehavior::Isolated}});
    }
    json.failUnknown("pre-tokenizer", type);
    return nullptr;
}

} // namespace attnscope::tokenizer
