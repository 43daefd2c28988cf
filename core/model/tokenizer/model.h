// SPDX-License-Identifier: GPL-3.0-or-later
// The "model" of a tokenizer file: words to tokens.
#pragma once

#include "core/base/run_context.h"
#include "core/model/tokenizer/json_reader.h"
#include "core/model/tokenizer/vocabulary.h"

#include <memory>
#include <vector>

namespace attnscope::tokenizer {

/// A token and the bytes [first, last) of the word that it stands for.
struct ModelToken {
    std::int32_t id = 0;
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

/// Immutable and thread-safe.
class Model {
public:
    virtual ~Model() = default;
    /// Appends the tokens of one word of well-formed UTF-8, not empty. Errors: Unsupported (no token fits and there is none for the
    /// unknown), Cancelled.
    virtual Result<void> tokenize(std::string_view word, std::vector<ModelToken>& out, const RunContext& context) const = 0;

    const Vocabulary& vocabulary() const { return m_vocabulary; }
    /// How many tokens the file lists: added tokens are numbered from here.
    virtual Index size() const { return m_vocabulary.count(); }

protected:
    explicit Model(Vocabulary vocabulary) : m_vocabulary(std::move(vocabulary)) {}
    /// Appends one byte token for each byte of `text`, or nothing and false where one is missing.
    bool appendByteTokens(std::string_view text, std::vector<ModelToken>& out) const;

private:
    Vocabulary m_vocabulary;
};

/// The error of a word that no token fits.
Error noTokenFits(std::string_view word);

/// Ids that fit int32.
constexpr std::int64_t largestId = 0x7FFFFFFE;

/// Reads {"token": id, ...} from the key "vocab".
Vocabulary readVocabulary(const JsonReader& json);

/// The model that `json` describes: BPE, WordPiece, Unigram or WordLevel; files without a "type" are told apart by their fields.
/// Null, with the problem noted, where it can't be made.
std::unique_ptr<Model> readModel(const JsonReader& json);

} // namespace attnscope::tokenizer
