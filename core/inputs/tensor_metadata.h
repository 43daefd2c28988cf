// SPDX-License-Identifier: GPL-3.0-or-later
// What a tensor file says about its arrays in words: mask, scale, tokens, model.
#pragma once

#include "core/base/result.h"
#include "core/base/shape.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

struct TensorMetadata {
    std::optional<bool> causal;
    std::optional<float> scale;
    std::vector<std::string> tokens;
    std::string model;
    std::string mask; ///< "causal", "bidirectional", "sliding window 128" ...
};

/// W of "sliding window W" and "sliding window W on each side": the keys that a query sees, its own included, on each side that it
/// sees. 0 for every other mask.
Index windowOf(std::string_view mask);

/// "sliding window 128", "causal" ...: what windowOf() reads.
std::string maskText(bool causal, Index window);

using MetadataText = std::map<std::string, std::string>;

/// Missing keys stay empty; a key that holds something else than it should is a Parse error that begins with a verb.
Result<TensorMetadata> readTensorMetadata(const MetadataText& text);

/// A scale as written: a finite number; nothing where the key is missing or empty.
Result<std::optional<float>> readScale(const MetadataText& text, const std::string& key);

/// The same, for writing.
MetadataText makeMetadataText(const TensorMetadata& metadata);

} // namespace attnscope
