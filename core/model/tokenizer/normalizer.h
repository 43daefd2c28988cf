// SPDX-License-Identifier: GPL-3.0-or-later
// The "normalizer" of a tokenizer file: rewrites the text before it is cut.
#pragma once

#include "core/model/tokenizer/aligned_text.h"
#include "core/model/tokenizer/json_reader.h"

#include "core/base/run_context.h"

#include <memory>

namespace attnscope::tokenizer {

/// Immutable and thread-safe.
class Normalizer {
public:
    virtual ~Normalizer() = default;
    /// Errors: Unsupported (a pattern that is too costly), Cancelled.
    virtual Result<void> apply(AlignedText& text, const RunContext& context) const = 0;
};

/// The normalizer that `json` describes: BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend,
/// Replace, Sequence, Strip or StripAccents. Null, with the problem noted, where it can't be made.
std::unique_ptr<Normalizer> readNormalizer(const JsonReader& json, int depth = 0);

} // namespace attnscope::tokenizer
