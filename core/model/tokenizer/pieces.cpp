// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/pieces.h"

#include "core/model/tokenizer/unicode.h"

#include <algorithm>

namespace attnscope::tokenizer {

namespace {

/// Joins neighbours: a match joins what was before it (in the order of `matches`) according to the behaviour.
void joinMatches(std::vector<Match>& matches, SplitBehavior behavior)
{
    const bool backwards = behavior == SplitBehavior::MergedWithNext;
    if (backwards)
        std::reverse(matches.begin(), matches.end());
    std::vector<Match> joined;
    joined.reserve(matches.size());
    bool previousHit = false;
    for (const Match& match : matches) {
        const bool joins = behavior == SplitBehavior::Contiguous ? match.hit == previousHit : match.hit && !previousHit;
        previousHit = match.hit;
        if (!joins || joined.empty())
            joined.push_back({match.first, match.last, false});
        else if (backwards)
            joined.back().first = match.first;
        else
            joined.back().last = match.last;
    }
    if (backwards)
        std::reverse(joined.begin(), joined.end());
    matches = std::move(joined);
}

} // namespace

void Pieces::append(const AlignedText& from, std::size_t first, std::size_t last, std::int32_t token)
{
    if (first >= last)
        return;
    const std::size_t begin = text.size();
    text.append(from.text(), first, last - first);
    spans.insert(spans.end(), from.spans().begin() + static_cast<std::ptrdiff_t>(first),
                 from.spans().begin() + static_cast<std::ptrdiff_t>(last));
    pieces.push_back({begin, text.size(), token});
}

Result<void> splitPieces(Pieces& pieces, const Finder& find, SplitBehavior behavior)
{
    std::vector<Piece> made;
    made.reserve(pieces.pieces.size());
    std::vector<Match> matches;
    for (const Piece& piece : pieces.pieces) {
        if (piece.token >= 0) {
            made.push_back(piece);
            continue;
        }
        matches.clear();
        if (auto found = find(pieces.view(piece), matches); !found)
            return found;
        if (behavior != SplitBehavior::Isolated && behavior != SplitBehavior::Removed)
            joinMatches(matches, behavior);
        for (const Match& match : matches) {
            const bool removed = match.hit && behavior == SplitBehavior::Removed;
            if (!removed && match.first < match.last)
                made.push_back({piece.first + match.first, piece.first + match.last, -1});
        }
    }
    pieces.pieces = std::move(made);
    return {};
}

Finder findCharacters(const std::function<bool(char32_t)>& is)
{
    return [is](std::string_view piece, std::vector<Match>& out) -> Result<void> {
        std::size_t covered = 0;
        for (std::size_t at = 0; at < piece.size();) {
            const Decoded d = decodeAt(piece, at);
            if (is(d.c)) {
                if (covered < at)
                    out.push_back({covered, at, false});
                covered = at + d.length;
                out.push_back({at, covered, true});
            }
            at += d.length;
        }
        if (covered < piece.size())
            out.push_back({covered, piece.size(), false});
        return {};
    };
}

void prependToPieces(Pieces& pieces, std::string_view prefix, const std::function<bool(const Piece&)>& wanted)
{
    std::string text;
    std::vector<Span> spans;
    text.reserve(pieces.text.size() + prefix.size());
    spans.reserve(pieces.spans.size() + prefix.size());
    for (Piece& piece : pieces.pieces) {
        const std::size_t begin = text.size();
        if (piece.token < 0 && wanted(piece)) {
            text.append(prefix);
            spans.insert(spans.end(), prefix.size(), pieces.spans[piece.first]);
        }
        text.append(pieces.text, piece.first, piece.last - piece.first);
        spans.insert(spans.end(), pieces.spans.begin() + static_cast<std::ptrdiff_t>(piece.first),
                     pieces.spans.begin() + static_cast<std::ptrdiff_t>(piece.last));
        piece.first = begin;
        piece.last = text.size();
    }
    pieces.text = std::move(text);
    pieces.spans = std::move(spans);
}

} // namespace attnscope::tokenizer
