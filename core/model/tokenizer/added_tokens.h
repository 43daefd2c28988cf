// SPDX-License-Identifier: GPL-3.0-or-later
// The "added_tokens" of a tokenizer file: texts that are found before anything else is done.
#pragma once

#include "core/model/tokenizer/byte_trie.h"
#include "core/model/tokenizer/model.h"
#include "core/model/tokenizer/normalizer.h"

#include <unordered_map>
#include <vector>

namespace attnscope::tokenizer {

/// Immutable once read.
class AddedTokens {
public:
    /// Bytes [first, last) of a text and the added token there, or -1.
    struct Part {
        std::size_t first = 0;
        std::size_t last = 0;
        std::int32_t token = -1;
    };

    /// Reads the list (null: none). A token that the model has keeps the model's id, others are numbered behind the model's, as the
    /// `tokenizers` library does. `normalizer` may be null.
    static AddedTokens read(const JsonReader& json, const Model& model, const Normalizer* normalizer);

    /// Cuts the input at the tokens that are looked for before normalisation.
    std::vector<Part> cutRaw(std::string_view text) const { return cut(text, m_raw); }
    /// Cuts a normalised text at the tokens that are looked for afterwards.
    std::vector<Part> cutNormalized(std::string_view text) const { return cut(text, m_normalized); }

    const Vocabulary& vocabulary() const { return m_vocabulary; }

private:
    struct Options {
        bool singleWord = false;
        bool leftStrip = false;
        bool rightStrip = false;
    };

    std::vector<Part> cut(std::string_view text, const ByteTrie& trie) const;
    /// Widens or rejects a match; `free` is where the last part ended.
    bool adjust(std::string_view text, std::size_t free, Part& part) const;

    Vocabulary m_vocabulary;
    std::unordered_map<std::int32_t, Options> m_options;
    ByteTrie m_raw;
    ByteTrie m_normalized;
};

} // namespace attnscope::tokenizer
