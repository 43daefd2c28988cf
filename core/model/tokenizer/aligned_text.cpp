// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/aligned_text.h"

#include "core/model/tokenizer/unicode.h"

#include <algorithm>

namespace attnscope::tokenizer {

Error growsTooMuch()
{
    return {Errc::Unsupported, "The tokenizer's rules make this text grow more than thirtyfold.",
            "Check the normalizer and pre-tokenizer in tokenizer.json, or use the file that belongs to the model."};
}

AlignedText::AlignedText(std::string_view part, std::uint32_t origin) : m_text(part), m_origin(origin)
{
    m_spans.reserve(part.size());
    for (std::size_t at = 0; at < part.size();) {
        const std::size_t next = std::min(part.size(), at + sequenceLength(part[at]));
        m_spans.insert(m_spans.end(), next - at, {origin + static_cast<std::uint32_t>(at), origin + static_cast<std::uint32_t>(next)});
        at = next;
    }
}

std::size_t AlignedText::skip(std::size_t at, std::size_t characters) const
{
    for (; characters > 0 && at < m_text.size(); --characters)
        at = std::min(m_text.size(), at + sequenceLength(m_text[at]));
    return at;
}

void AlignedText::transform(std::span<const Change> changes, std::size_t dropped)
{
    std::string text;
    std::vector<Span> spans;
    text.reserve(m_text.size());
    spans.reserve(m_spans.size());
    std::size_t at = skip(0, dropped); // in the old text
    for (const Change& change : changes) {
        Span span{m_origin, m_origin};
        if (change.change > 0 || at >= m_spans.size()) {
            if (at > 0)
                span = m_spans[at - 1];
        } else {
            span = m_spans[at];
        }
        if (change.change <= 0)
            at = skip(at, 1 + static_cast<std::size_t>(-static_cast<std::int64_t>(change.change)));
        appendUtf8(text, change.c);
        spans.resize(text.size(), span);
    }
    m_text = std::move(text);
    m_spans = std::move(spans);
}

void AlignedText::filter(const std::function<bool(char32_t)>& keep)
{
    std::vector<Change> changes;
    changes.reserve(m_text.size());
    std::size_t droppedAtStart = 0;
    std::int32_t dropped = 0;
    for (std::size_t at = 0; at < m_text.size();) {
        const Decoded d = decodeAt(m_text, at);
        at += d.length;
        if (!keep(d.c)) {
            ++dropped;
            continue;
        }
        if (changes.empty())
            droppedAtStart = static_cast<std::size_t>(dropped);
        else
            changes.back().change = -dropped;
        dropped = 0;
        changes.push_back({d.c, 0});
    }
    if (!changes.empty())
        changes.back().change = -dropped;
    if (dropped > 0 || droppedAtStart > 0 || std::any_of(changes.begin(), changes.end(), [](const Change& c) { return c.change != 0; }))
        transform(changes, droppedAtStart);
}

void AlignedText::map(const std::function<char32_t(char32_t)>& to)
{
    std::vector<Change> changes;
    changes.reserve(m_text.size());
    bool changed = false;
    for (std::size_t at = 0; at < m_text.size();) {
        const Decoded d = decodeAt(m_text, at);
        at += d.length;
        changes.push_back({to(d.c), 0});
        changed = changed || changes.back().c != d.c;
    }
    if (changed)
        transform(changes, 0);
}

void AlignedText::prepend(std::string_view prefix)
{
    if (m_text.empty())
        return;
    m_text.insert(0, prefix);
    m_spans.insert(m_spans.begin(), prefix.size(), Span(m_spans.front()));
}

void AlignedText::replace(std::span<const Match> matches, std::string_view content)
{
    std::string text;
    std::vector<Span> spans;
    text.reserve(m_text.size());
    spans.reserve(m_spans.size());
    for (const Match& match : matches) {
        if (!match.hit) {
            text.append(m_text, match.first, match.last - match.first);
            spans.insert(spans.end(), m_spans.begin() + static_cast<std::ptrdiff_t>(match.first),
                         m_spans.begin() + static_cast<std::ptrdiff_t>(match.last));
            continue;
        }
        const Span span = match.last > 0 ? m_spans[match.last - 1] : Span{m_origin, m_origin};
        text.append(content);
        spans.insert(spans.end(), content.size(), span);
    }
    m_text = std::move(text);
    m_spans = std::move(spans);
}

void AlignedText::strip(bool left, bool right)
{
    std::size_t first = 0;
    std::size_t last = m_text.size();
    std::size_t keptEnd = 0;
    bool seen = false;
    for (std::size_t at = 0; at < m_text.size();) {
        const Decoded d = decodeAt(m_text, at);
        if (!isWhitespace(d.c)) {
            if (!seen)
                first = at;
            seen = true;
            keptEnd = at + d.length;
        }
        at += d.length;
    }
    if (!seen)
        first = left ? last : 0;
    first = left ? first : 0;
    last = std::max(first, right ? keptEnd : last);
    m_text = m_text.substr(first, last - first);
    m_spans = std::vector<Span>(m_spans.begin() + static_cast<std::ptrdiff_t>(first), m_spans.begin() + static_cast<std::ptrdiff_t>(last));
}

} // namespace attnscope::tokenizer
