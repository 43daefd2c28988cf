// SPDX-License-Identifier: GPL-3.0-or-later
// A text as a document: tokenised, run through a transformer, with q, k and v of each layer.
#pragma once

#include "core/inputs/document.h"

#include <filesystem>
#include <memory>
#include <string>

namespace attnscope {

/// `origin` is the text's file, empty for typed text; an empty `modelFolder` means the bundled model. All layers are captured at
/// once where that is quick and fits into the context's memory budget; else a layer, or a head of a very long text, is computed when
/// it is asked for (core/model/text_layers.h). Special tokens are
/// added as the tokenizer's post-processor says. Errors: those of Tokenizer, Transformer::load and Transformer::forward.
Result<std::shared_ptr<const Document>> openText(const std::string& text, const std::string& origin,
                                                 const std::filesystem::path& modelFolder, const RunContext& context);

} // namespace attnscope
