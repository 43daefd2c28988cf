// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/normalizer.h"

#include "core/model/tokenizer/bert_normalizer.h"
#include "core/model/tokenizer/byte_alphabet.h"
#include "core/model/tokenizer/normal_forms.h"
#include "core/model/tokenizer/pattern.h"
#include "core/model/tokenizer/precompiled.h"
#include "core/model/tokenizer/unicode.h"

#include <algorithm>
#include <functional>
#include <map>

namespace attnscope::tokenizer {

namespace {

constexpr int deepestSequence = 8;

/// A normalizer without state.
class Simple : public Normalizer {
public:
    explicit Simple(std::function<void(AlignedText&)> change) : m_change(std::move(change)) {}
    Result<void> apply(AlignedText& text, const RunContext&) const override
    {
        m_change(text);
        return {};
    }

private:
    std::function<void(AlignedText&)> m_change;
};

class Sequence : public Normalizer {
public:
    explicit Sequence(std::vector<std::unique_ptr<Normalizer>> steps) : m_steps(std::move(steps)) {}
    Result<void> apply(AlignedText& text, const RunContext& context) const override
    {
        const std::size_t limit = growthLimit(text.text().size());
        for (const auto& step : m_steps) {
            if (auto done = step->apply(text, context); !done)
                return done;
            if (text.text().size() > limit)
                return growsTooMuch();
        }
        return {};
    }

private:
    std::vector<std::unique_ptr<Normalizer>> m_steps;
};

class Replace : public Normalizer {
public:
    Replace(Pattern pattern, std::string content) : m_pattern(std::move(pattern)), m_content(std::move(content)) {}
    Result<void> apply(AlignedText& text, const RunContext& context) const override
    {
        std::vector<Match> matches;
        if (text.empty())
            return {};
        if (auto found = m_pattern.find(text.text(), matches, context); !found)
            return found;
        const auto hits = std::count_if(matches.begin(), matches.end(), [](const Match& match) { return match.hit; });
        if (static_cast<std::size_t>(hits) > growthLimit(text.text().size()) / (m_content.size() + 1))
            return growsTooMuch();
        text.replace(matches, m_content);
        return {};
    }

private:
    Pattern m_pattern;
    std::string m_content;
};

/// Each byte becomes its printable character.
void toByteCharacters(AlignedText& text)
{
    std::vector<Change> changes;
    changes.reserve(text.text().size());
    for (const char byte : text.text()) {
        const bool continues = (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
        changes.push_back({byteCharacter(static_cast<unsigned char>(byte)), continues ? 1 : 0});
    }
    text.transform(changes, 0);
}

/// The rules of sentencepiece's "nmt": controls vanish, unusual spaces become plain ones.
void cleanForTranslation(AlignedText& text)
{
    text.filter(
        [](char32_t c) { return !((c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F); });
    text.map([](char32_t c) -> char32_t {
        const bool space = c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 ||
                           c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
        return space ? U' ' : c;
    });
}

const std::map<std::string, std::function<void(AlignedText&)>, std::less<>>& stateless()
{
    static const std::map<std::string, std::function<void(AlignedText&)>, std::less<>> all = {
        {"NFC", [](AlignedText& text) { normalizeForm(text, false, true); }},
        {"NFD", [](AlignedText& text) { normalizeForm(text, false, false); }},
        {"NFKC", [](AlignedText& text) { normalizeForm(text, true, true); }},
        {"NFKD", [](AlignedText& text) { normalizeForm(text, true, false); }},
        {"Lowercase", toLowercase},
        {"StripAccents", [](AlignedText& text) { text.filter([](char32_t c) { return !isMark(c); }); }},
        {"Nmt", cleanForTranslation},
        {"ByteLevel", toByteCharacters},
    };
    return all;
}

std::unique_ptr<Normalizer> readSequence(const JsonReader& json, int depth)
{
    if (depth >= deepestSequence) {
        json.fail("is nested too deeply");
        return nullptr;
    }
    std::vector<std::unique_ptr<Normalizer>> steps;
    for (const JsonReader& item : json.child("normalizers").items()) {
        steps.push_back(readNormalizer(item, depth + 1));
        if (!steps.back())
            return nullptr;
    }
    return std::make_unique<Sequence>(std::move(steps));
}

std::unique_ptr<Normalizer> readReplace(const JsonReader& json)
{
    auto pattern = Pattern::read(json.child("pattern"));
    if (!pattern)
        return nullptr;
    return std::make_unique<Replace>(std::move(*pattern), json.text("content"));
}

} // namespace

std::unique_ptr<Normalizer> readNormalizer(const JsonReader& json, int depth)
{
    const std::string type = json.type();
    if (json.problem().any())
        return nullptr;
    if (const auto found = stateless().find(type); found != stateless().end())
        return std::make_unique<Simple>(found->second);
    if (type == "Sequence")
        return readSequence(json, depth);
    if (type == "Replace")
        return readReplace(json);
    if (type == "BertNormalizer")
        return readBertNormalizer(json);
    if (type == "Precompiled")
        return readPrecompiled(json);
    if (type == "Prepend")
        return std::make_unique<Simple>([prefix = json.text("prepend")](AlignedText& text) { text.prepend(prefix); });
    if (type == "Strip")
        return std::make_unique<Simple>(
            [left = json.flag("strip_left"), right = json.flag("strip_right")](AlignedText& text) { text.strip(left, right); });
    json.failUnknown("normalizer", type);
    return nullptr;
}

} // namespace attnscope::tokenizer
