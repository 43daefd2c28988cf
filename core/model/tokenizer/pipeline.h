// SPDX-License-Identifier: GPL-3.0-or-later
// All parts of one tokenizer file, in the order in which they work.
#pragma once

#include "core/model/tokenizer/added_tokens.h"
#include "core/model/tokenizer/model.h"
#include "core/model/tokenizer/normalizer.h"
#include "core/model/tokenizer/pieces.h"
#include "core/model/tokenizer/post_processor.h"
#include "core/model/tokenizer/pre_tokenizer.h"

#include <memory>
#include <string_view>
#include <vector>

namespace attnscope::tokenizer {

/// Immutable and thread-safe; the optional parts are null where the file has none.
class Pipeline {
public:
    /// Errors: Parse (not a tokenizer.json), Unsupported (an unknown component).
    static Result<std::shared_ptr<const Pipeline>> read(std::string_view json);

    /// The tokens of well-formed UTF-8 of less than 2 GiB. Errors: Unsupported, Cancelled.
    Result<std::vector<PlacedToken>> encode(std::string_view text, bool addSpecialTokens, const RunContext& context) const;

    const std::string* token(Index id) const;
    std::optional<Index> id(std::string_view token) const;
    Index limit() const;
    bool isAdded(Index id) const { return m_added.vocabulary().token(id) != nullptr; }
    bool byteLevel() const { return m_byteLevel; }

private:
    Result<Pieces> cut(std::string_view text, const RunContext& context) const;
    Result<std::vector<PlacedToken>> tokenize(const Pieces& pieces, const RunContext& context) const;

    std::unique_ptr<Normalizer> m_normalizer;
    std::unique_ptr<PreTokenizer> m_preTokenizer;
    std::unique_ptr<Model> m_model;
    std::unique_ptr<PostProcessor> m_postProcessor;
    AddedTokens m_added;
    bool m_byteLevel = false;
};

} // namespace attnscope::tokenizer
