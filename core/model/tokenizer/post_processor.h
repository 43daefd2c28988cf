// SPDX-License-Identifier: GPL-3.0-or-later
// The "post_processor" of a tokenizer file: special tokens around the text, and offsets without spaces.
#pragma once

#include "core/base/shape.h"
#include "core/model/tokenizer/json_reader.h"

#include <memory>
#include <string_view>
#include <vector>

namespace attnscope::tokenizer {

/// A token with the bytes [first, last) of the input that it stands for.
struct PlacedToken {
    std::int32_t id = 0;
    Index first = 0;
    Index last = 0;
    std::string_view value; ///< the vocabulary's spelling, or the text where an added token was found
};

/// Immutable and thread-safe.
class PostProcessor {
public:
    virtual ~PostProcessor() = default;
    /// `text` is the input that the offsets point into.
    virtual void apply(std::vector<PlacedToken>& tokens, std::string_view text, bool addSpecialTokens) const = 0;
};

/// The post-processor that `json` describes: BertProcessing, ByteLevel, RobertaProcessing, Sequence or TemplateProcessing. Null, with
/// the problem noted, where it can't be made.
std::unique_ptr<PostProcessor> readPostProcessor(const JsonReader& json, int depth = 0);

} // namespace attnscope::tokenizer
