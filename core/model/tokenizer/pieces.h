// SPDX-License-Identifier: GPL-3.0-or-later
// A normalised text cut into pieces, each of which becomes tokens on its own.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/model/tokenizer/aligned_text.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope::tokenizer {

/// Bytes [first, last) of Pieces::text; `token` is the id of an added token, -1 for text that the model is to tokenise.
struct Piece {
    std::size_t first = 0;
    std::size_t last = 0;
    std::int32_t token = -1;
};

struct Pieces {
    std::string text;
    std::vector<Span> spans; ///< one a byte of text
    std::vector<Piece> pieces;

    std::string_view view(const Piece& piece) const { return std::string_view(text).substr(piece.first, piece.last - piece.first); }
    /// Copies a part of `from` to the end, as one piece unless it is empty.
    void append(const AlignedText& from, std::size_t first, std::size_t last, std::int32_t token);
};

/// What becomes of the matches of a pattern that splits.
enum class SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };

/// Finds what to split at; its matches and gaps cover the piece.
using Finder = std::function<Result<void>(std::string_view piece, std::vector<Match>& out)>;

/// Splits every piece that is not an added token. Errors: those of `find`.
Result<void> splitPieces(Pieces& pieces, const Finder& find, SplitBehavior behavior);

/// A finder of single characters.
Finder findCharacters(const std::function<bool(char32_t)>& is);

/// Puts `prefix` before the pieces, other than added tokens, for which `wanted` is true.
void prependToPieces(Pieces& pieces, std::string_view prefix, const std::function<bool(const Piece&)>& wanted);

} // namespace attnscope::tokenizer
