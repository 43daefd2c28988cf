// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/post_processor.h"

#include "core/model/tokenizer/model.h"
#include "core/model/tokenizer/unicode.h"

#include <algorithm>
#include <optional>

namespace attnscope::tokenizer {

namespace {

constexpr int deepestSequence = 8;
constexpr char32_t byteLevelSpace = 0x120; // what byte-level tokens write for a space

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// The byte `count` characters after (before) `at`; nothing where the text ends first.
std::optional<Index> forward(std::string_view text, Index at, Index count)
{
    for (; count > 0; --count) {
        if (at >= static_cast<Index>(text.size()))
            return std::nullopt;
        at += static_cast<Index>(sequenceLength(text[static_cast<std::size_t>(at)]));
    }
    return at;
}

std::optional<Index> backward(std::string_view text, Index at, Index count)
{
    for (; count > 0; --count) {
        if (at <= 0)
            return std::nullopt;
        do
            --at;
        while (at > 0 && continues(text[static_cast<std::size_t>(at)]));
    }
    return at;
}

/// Narrows offsets by as many characters as the token has white space at either end.
class TrimOffsets : public PostProcessor {
public:
    explicit TrimOffsets(bool prefixSpace) : m_prefixSpace(prefixSpace) {}

    void apply(std::vector<PlacedToken>& tokens, std::string_view text, bool) const override
    {
        for (std::size_t i = 0; i < tokens.size(); ++i)
            trim(tokens[i], text, i == 0);
    }

private:
    void trim(PlacedToken& token, std::string_view text, bool first) const
    {
        Index leading = 0;
        Index trailing = 0;
        bool onlySpaces = true;
        for (std::size_t at = 0; at < token.value.size();) {
            const Decoded d = decodeAt(token.value, at);
            at += d.length;
            const bool space = d.c == byteLevelSpace || isWhitespace(d.c);
            onlySpaces = onlySpaces && space;
            leading += onlySpaces ? 1 : 0;
            trailing = space ? trailing + 1 : 0;
        }
        // A single leading space at the start is the one that the pre-tokenizer put there.
        if (leading > 0 && !((first || token.first == 0) && m_prefixSpace && leading == 1))
            token.first = std::min(forward(text, token.first, leading).value_or(token.last), token.last);
        if (trailing > 0)
            token.last = std::max(backward(text, token.last, trailing).value_or(token.last), token.first);
    }

    bool m_prefixSpace;
};

/// Special tokens around the text.
class Template : public PostProcessor {
public:
    struct Part {
        bool sequence = false;
        std::vector<std::int32_t> ids; // of a special token
    };
    explicit Template(std::vector<Part> parts) : m_parts(std::move(parts)) {}

    void apply(std::vector<PlacedToken>& tokens, std::string_view, bool addSpecialTokens) const override
    {
        std::vector<PlacedToken> all;
        all.reserve(tokens.size() + m_parts.size());
        for (const Part& part : m_parts) {
            if (part.sequence)
                all.insert(all.end(), tokens.begin(), tokens.end());
            else if (addSpecialTokens)
                for (const std::int32_t id : part.ids)
                    all.push_back({id, 0, 0, {}});
        }
        tokens = std::move(all);
    }

private:
    std::vector<Part> m_parts;
};

class Sequence : public PostProcessor {
public:
    explicit Sequence(std::vector<std::unique_ptr<PostProcessor>> steps) : m_steps(std::move(steps)) {}
    void apply(std::vector<PlacedToken>& tokens, std::string_view text, bool addSpecialTokens) const override
    {
        for (const auto& step : m_steps)
            step->apply(tokens, text, addSpecialTokens);
    }

private:
    std::vector<std::unique_ptr<PostProcessor>> m_steps;
};

std::unique_ptr<PostProcessor> readTemplate(const JsonReader& json)
{
    std::vector<Template::Part> parts;
    const JsonReader single = json.child("single");
    bool seen = false;
    for (const JsonReader& item : single.items()) {
        Template::Part part;
        part.sequence = item.has("Sequence");
        if (part.sequence && item.child("Sequence").text("id", "A") != "A")
            continue; // the second text of a pair
        if (part.sequence && seen)
            single.fail("repeats the text");
        seen = seen || part.sequence;
        if (!part.sequence) {
            const std::string name = item.child("SpecialToken").text("id");
            const JsonReader token = json.child("special_tokens").child(name);
            for (const JsonReader& id : token.child("ids").items())
                part.ids.push_back(static_cast<std::int32_t>(id.asInteger(0, largestId)));
        }
        if (json.problem().any())
            return nullptr;
        parts.push_back(std::move(part));
    }
    return std::make_unique<Template>(std::move(parts));
}

/// The id of ["[SEP]", 102].
std::int32_t readNamedId(const JsonReader& json)
{
    const auto pair = json.items();
    if (pair.size() != 2) {
        json.fail("is not a token and its id");
        return 0;
    }
    return static_cast<std::int32_t>(pair[1].asInteger(0, largestId));
}

std::unique_ptr<PostProcessor> readClsSep(const JsonReader& json)
{
    std::vector<Template::Part> parts(3);
    parts[0].ids = {readNamedId(json.child("cls"))};
    parts[1].sequence = true;
    parts[2].ids = {readNamedId(json.child("sep"))};
    return std::make_unique<Template>(std::move(parts));
}

std::unique_ptr<PostProcessor> readTrim(const JsonReader& json)
{
    if (json.flag("trim_offsets", true))
        return std::make_unique<TrimOffsets>(json.flag("add_prefix_space", true));
    return std::make_unique<Sequence>(std::vector<std::unique_ptr<PostProcessor>>{});
}

} // namespace

std::unique_ptr<PostProcessor> readPostProcessor(const JsonReader& json, int depth)
{
    const std::string type = json.type();
    if (json.problem().any())
        return nullptr;
    if (type == "TemplateProcessing")
        return readTemplate(json);
    if (type == "ByteLevel")
        return readTrim(json);
    if (type == "BertProcessing")
        return readClsSep(json);
    std::vector<std::unique_ptr<PostProcessor>> steps;
    if (type == "RobertaProcessing") {
        steps.push_back(readTrim(json));
        steps.push_back(readClsSep(json));
        return std::make_unique<Sequence>(std::move(steps));
    }
    if (type != "Sequence") {
        json.failUnknown("post-processor", type);
        return nullptr;
    }
    if (depth >= deepestSequence) {
        json.fail("is nested too deeply");
        return nullptr;
    }
    for (const JsonReader& item : json.child("processors").items()) {
        steps.push_back(readPostProcessor(item, depth + 1));
        if (!steps.back())
            return nullptr;
    }
    return std::make_unique<Sequence>(std::move(steps));
}

} // namespace attnscope::tokenizer
