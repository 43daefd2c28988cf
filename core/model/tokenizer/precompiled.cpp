// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/precompiled.h"

#include "core/model/tokenizer/unicode.h"

#include <utf8proc.h>

#include <optional>

namespace attnscope::tokenizer {

namespace {

std::optional<std::string> decodeBase64(std::string_view text)
{
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    int count = 0;
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    for (const char c : text) {
        const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                          : c >= 'a' && c <= 'z' ? c - 'a' + 26
                          : c >= '0' && c <= '9' ? c - '0' + 52
                          : c == '+'             ? 62
                          : c == '/'             ? 63
                                                 : -1;
        if (value < 0)
            return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>((bits >> count) & 0xFF);
        }
    }
    return bytes;
}

std::uint32_t littleEndian(std::string_view bytes, std::size_t at)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
    return value;
}

constexpr std::size_t longestReplacement = 1024;

/// A unit of the double array (the layout of darts-clone).
struct Unit {
    std::uint32_t bits;

    bool hasLeaf() const { return ((bits >> 8) & 1U) != 0; }
    std::uint32_t value() const { return bits & 0x7FFFFFFFU; }
    std::uint32_t label() const { return bits & 0x800000FFU; }
    std::uint32_t offset() const { return (bits >> 10) << ((bits & 0x200U) >> 6); }
};

class Precompiled : public Normalizer {
public:
    Precompiled(std::vector<Unit> units, std::string replacements) : m_units(std::move(units)), m_replacements(std::move(replacements)) {}

    Result<void> apply(AlignedText& text, const RunContext&) const override
    {
        std::vector<Change> changes;
        changes.reserve(text.text().size());
        bool modified = false;
        const std::string_view all = text.text();
        const std::size_t limit = growthLimit(all.size());
        for (std::size_t at = 0; at < all.size();) {
            const std::size_t end = graphemeEnd(all, at);
            const std::string_view grapheme = all.substr(at, end - at);
            at = end;
            if (changes.size() > limit)
                return growsTooMuch();
            constexpr std::size_t longestKey = 6;
            if (grapheme.size() < longestKey && rewrite(grapheme, changes)) {
                modified = true;
                continue;
            }
            for (std::size_t in = 0; in < grapheme.size();) {
                const Decoded d = decodeAt(grapheme, in);
                if (rewrite(grapheme.substr(in, d.length), changes))
                    modified = true;
                else
                    changes.push_back({d.c, 0});
                in += d.length;
            }
        }
        if (modified)
            text.transform(changes, 0);
        return {};
    }

private:
    static std::size_t graphemeEnd(std::string_view text, std::size_t at)
    {
        Decoded d = decodeAt(text, at);
        utf8proc_int32_t state = 0;
        for (std::size_t end = at + d.length;; end += d.length) {
            if (end >= text.size())
                return text.size();
            const char32_t before = d.c;
            d = decodeAt(text, end);
            if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before), static_cast<utf8proc_int32_t>(d.c), &state))
                return end;
        }
    }

    /// The replacement of the shortest key that `text` begins with.
    std::optional<std::string_view> lookup(std::string_view text) const
    {
        std::uint32_t at = m_units[0].offset();
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte == 0)
                return std::nullopt;
            at ^= byte;
            if (at >= m_units.size() || m_units[at].label() != byte)
                return std::nullopt;
            const Unit unit = m_units[at];
            at ^= unit.offset();
            if (at >= m_units.size())
                return std::nullopt;
            if (unit.hasLeaf()) {
                const std::uint32_t first = m_units[at].value();
                if (first > m_replacements.size())
                    return std::nullopt;
                const std::string_view rest = std::string_view(m_replacements).substr(first);
                const std::string_view replacement = rest.substr(0, rest.find('\0'));
                const bool usable = replacement.size() <= longestReplacement && !firstInvalidUtf8(replacement);
                return usable ? std::optional(replacement) : std::nullopt;
            }
        }
        return std::nullopt;
    }

    bool rewrite(std::string_view from, std::vector<Change>& changes) const
    {
        const auto to = lookup(from);
        if (!to)
            return false;
        std::int32_t surplus = 0;
        for (std::size_t at = 0; at < to->size(); ++surplus) {
            const Decoded d = decodeAt(*to, at);
            at += d.length;
            changes.push_back({d.c, 0});
        }
        for (std::size_t at = 0; at < from.size(); at += sequenceLength(from[at]))
            --surplus;
        if (surplus < 0 && !changes.empty())
            changes.back().change += surplus;
        for (std::size_t i = changes.size(); surplus > 0 && i > 0; --surplus)
            changes[--i].change = 1;
        return true;
    }

    std::vector<Unit> m_units;
    std::string m_replacements;
};

} // namespace

std::unique_ptr<Normalizer> readPrecompiled(const JsonReader& json)
{
    const auto bytes = decodeBase64(json.text("precompiled_charsmap"));
    if (!bytes || bytes->size() < 8) {
        json.fail("holds no character map");
        return nullptr;
    }
    const std::size_t trieBytes = littleEndian(*bytes, 0);
    if (trieBytes % 4 != 0 || trieBytes < 4 || trieBytes > bytes->size() - 4) {
        json.fail("holds a character map that is cut off");
        return nullptr;
    }
    std::vector<Unit> units;
    units.reserve(trieBytes / 4);
    for (std::size_t at = 4; at < 4 + trieBytes; at += 4)
        units.push_back({littleEndian(*bytes, at)});
    return std::make_unique<Precompiled>(std::move(units), bytes->substr(4 + trieBytes));
}

} // namespace attnscope::tokenizer
