// SPDX-License-Identifier: GPL-3.0-or-later
// The text of an input with the place of each token in it: what is searched, jumped in and shown.
#pragma once

#include "core/inputs/document.h"

#include <QString>

#include <optional>
#include <vector>

namespace attnscope {

/// Where a searched text stands: characters [first, last) and the tokens that they touch.
struct TextHit {
    qsizetype first = 0;
    qsizetype last = 0;
    Index firstToken = 0;
    Index lastToken = 0; ///< included

    bool operator==(const TextHit&) const = default;
};

/// Immutable. Inputs without a text but with token labels are read as the labels side by side.
class TextIndex {
public:
    TextIndex() = default;
    explicit TextIndex(const DocumentInfo& info);

    bool isEmpty() const { return m_ends.empty(); } ///< nothing to read: tensors without tokens
    Index length() const { return m_length; }       ///< positions of the input, with or without tokens
    const QString& text() const { return m_text; }

    /// The characters of a token, with what stands between it and the token before. Every character belongs to one token, those
    /// behind the last token to that.
    qsizetype firstOf(Index token) const { return token == 0 ? 0 : m_ends[static_cast<std::size_t>(token) - 1]; }
    qsizetype lastOf(Index token) const { return m_ends[static_cast<std::size_t>(token)]; }
    QStringView part(Index token) const { return QStringView(m_text).sliced(firstOf(token), lastOf(token) - firstOf(token)); }
    Index tokenAt(qsizetype position) const;

    /// All places, in order, not overlapping. Literal.
    std::vector<TextHit> find(const QString& wanted, bool matchCase) const;

    /// A number of a position, or the first token of the next place of a text after `from`, case aside, around the end.
    std::optional<Index> position(const QString& wanted, Index from) const;

private:
    void takeText(const DocumentInfo& info);
    void takeLabels(const DocumentInfo& info);

    QString m_text;
    std::vector<qsizetype> m_ends; // of each token, in characters of m_text
    Index m_length = 0;
};

} // namespace attnscope
