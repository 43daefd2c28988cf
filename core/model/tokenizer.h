// SPDX-License-Identifier: GPL-3.0-or-later
// Text to token ids as a Hugging Face tokenizer.json describes it.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/shape.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope {

namespace tokenizer {
class Pipeline;
}

/// A tokenised text: three parallel lists, one entry a token.
struct Encoding {
    std::vector<std::int32_t> ids;
    std::vector<std::string> tokens;              ///< as the vocabulary spells them
    std::vector<std::pair<Index, Index>> offsets; ///< [first, last) BYTES of the input; (0, 0) for tokens that the template added
};

/// Reads and runs tokenizer.json: BPE, WordPiece, Unigram and WordLevel with their normalizers, pre-tokenizers, added tokens and
/// post-processors; ids equal those of the `tokenizers` library. Cheap to copy; const members may be called from any thread.
class Tokenizer {
public:
    /// Errors: Io (missing, unreadable), Parse (not a tokenizer.json, inconsistent), Unsupported (names the component it doesn't know).
    static Result<Tokenizer> load(const std::filesystem::path& tokenizerJson);
    /// The same from the file's text.
    static Result<Tokenizer> parse(std::string_view json);

    /// addSpecialTokens applies the file's post-processor template ([CLS], <s> ...). The file's truncation and padding are ignored.
    /// Errors: Parse (invalid UTF-8, with the byte), Unsupported (a pattern too costly on this text, a word without a token), Cancelled.
    Result<Encoding> encode(std::string_view utf8, bool addSpecialTokens, const RunContext& context = {}) const;

    /// A short readable name for an axis: bytes decoded, a leading space as "␣", line ends and tabs as "↵" and "→"; "#7" for an unknown id.
    std::string label(Index id) const;
    /// The vocabulary's spelling; empty for an unknown id.
    std::string token(Index id) const;
    /// The id of a vocabulary or added token, for example "[SEP]".
    std::optional<Index> id(std::string_view token) const;
    /// One more than the largest id, added tokens included.
    Index vocabularySize() const;

private:
    explicit Tokenizer(std::shared_ptr<const tokenizer::Pipeline> pipeline) : m_pipeline(std::move(pipeline)) {}
    std::shared_ptr<const tokenizer::Pipeline> m_pipeline;
};

} // namespace attnscope
