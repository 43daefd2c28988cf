// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/text_index.h"

#include <QStringMatcher>

#include <algorithm>

namespace attnscope {

namespace {

constexpr char16_t kSpaceMark = 0x2423; // as token labels write a space
constexpr char16_t kLineMark = 0x21B5;

/// Of each byte of UTF-8 and of its end: how many UTF-16 units stand before it.
std::vector<qsizetype> unitsBeforeBytes(const std::string& utf8)
{
    std::vector<qsizetype> units(utf8.size() + 1);
    qsizetype unit = 0;
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto byte = static_cast<unsigned char>(utf8[i]);
        units[i] = unit;
        if ((byte & 0xC0U) != 0x80U) // a character begins; of its further bytes the place is its end
            unit += byte >= 0xF0U ? 2 : 1;
    }
    units[utf8.size()] = unit;
    return units;
}

} // namespace

TextIndex::TextIndex(const DocumentInfo& info) : m_length(info.length)
{
    if (static_cast<Index>(info.tokens.size()) != info.length)
        return;
    if (!info.text.empty() && info.tokenBytes.size() == info.tokens.size())
        takeText(info);
    else
        takeLabels(info);
}

void TextIndex::takeText(const DocumentInfo& info)
{
    m_text = QString::fromStdString(info.text);
    const auto units = unitsBeforeBytes(info.text);
    m_ends.reserve(info.tokenBytes.size());
    qsizetype end = 0;
    for (const auto& [first, last] : info.tokenBytes) {
        const auto at = std::clamp<std::size_t>(static_cast<std::size_t>(std::max<Index>(0, last)), 0, info.text.size());
        if (last > first)
            end = std::max(end, units[at]); // a token of half a character takes all of it
        m_ends.push_back(end);
    }
    if (!m_ends.empty())
        m_ends.back() = m_text.size();
}

void TextIndex::takeLabels(const DocumentInfo& info)
{
    const auto hasSpaces = [](const std::string& label) {
        return QString::fromStdString(label).contains(QChar(kSpaceMark)) || label.find(' ') != std::string::npos;
    };
    const bool joined = std::ranges::any_of(info.tokens, hasSpaces);
    for (const auto& label : info.tokens) {
        QString token = QString::fromStdString(label);
        token.replace(QChar(kSpaceMark), QLatin1Char(' ')).replace(QChar(kLineMark), QLatin1Char('\n'));
        m_text += !joined && !m_text.isEmpty() ? QLatin1Char(' ') + token : token;
        m_ends.push_back(m_text.size());
    }
}

Index TextIndex::tokenAt(qsizetype position) const
{
    const auto at = std::upper_bound(m_ends.begin(), m_ends.end(), position);
    return std::min(static_cast<Index>(at - m_ends.begin()), static_cast<Index>(m_ends.size()) - 1);
}

std::vector<TextHit> TextIndex::find(const QString& wanted, bool matchCase) const
{
    std::vector<TextHit> hits;
    if (wanted.isEmpty() || isEmpty())
        return hits;
    const QStringMatcher matcher(wanted, matchCase ? Qt::CaseSensitive : Qt::CaseInsensitive);
    for (qsizetype at = matcher.indexIn(m_text); at >= 0; at = matcher.indexIn(m_text, at + wanted.size()))
        hits.push_back({at, at + wanted.size(), tokenAt(at), tokenAt(at + wanted.size() - 1)});
    return hits;
}

std::optional<Index> TextIndex::position(const QString& wanted, Index from) const
{
    bool isNumber = false;
    const qlonglong number = wanted.trimmed().toLongLong(&isNumber);
    if (isNumber)
        return number >= 0 && number < m_length ? std::optional<Index>(number) : std::nullopt;
    if (wanted.isEmpty() || isEmpty())
        return std::nullopt;
    const qsizetype start = lastOf(std::clamp<Index>(from, 0, static_cast<Index>(m_ends.size()) - 1));
    qsizetype at = m_text.indexOf(wanted, start, Qt::CaseInsensitive);
    if (at < 0)
        at = m_text.indexOf(wanted, 0, Qt::CaseInsensitive);
    return at < 0 ? std::nullopt : std::optional(tokenAt(at));
}

} // namespace attnscope
