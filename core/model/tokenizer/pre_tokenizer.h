// SPDX-License-Identifier: GPL-3.0-or-later
// The "pre_tokenizer" of a tokenizer file: cuts the text into words.
#pragma once

#include "core/model/tokenizer/json_reader.h"
#include "core/model/tokenizer/pieces.h"

#include <memory>

namespace attnscope::tokenizer {

/// Immutable and thread-safe.
class PreTokenizer {
public:
    virtual ~PreTokenizer() = default;
    /// Cuts the pieces that are not added tokens. Errors: Unsupported (a pattern that is too costly), Cancelled.
    virtual Result<void> apply(Pieces& pieces, const RunContext& context) const = 0;
};

/// The pre-tokenizer that `json` describes: BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace,
/// Punctuation, Sequence, Split, Whitespace or WhitespaceSplit. Null, with the problem noted, where it can't be made.
std::unique_ptr<PreTokenizer> readPreTokenizer(const JsonReader& json, int depth = 0);

} // namespace attnscope::tokenizer
