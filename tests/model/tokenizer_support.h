// SPDX-License-Identifier: GPL-3.0-or-later
// Tokenizers for tests: the golden ones, and small ones written in place.
#pragma once

#include "core/model/tokenizer.h"
#include "support/files.h"
#include "test_paths.h"

#include <nlohmann/json.hpp>

namespace attnscope::tests {

inline std::filesystem::path goldenTokenizer(const std::string& file)
{
    return std::filesystem::path(ATTNSCOPE_SOURCE_DIR) / "tests/golden/tokenizer" / file;
}

/// A BPE whose tokens are single bytes, so that the ids spell what the other parts made of the text.
inline nlohmann::json byteTokenizer()
{
    nlohmann::json vocab;
    for (int byte = 0; byte < 256; ++byte)
        vocab[QString::asprintf("<0x%02X>", byte).toStdString()] = byte;
    return {{"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", nlohmann::json::array()}, {"byte_fallback", true}}}};
}

/// A WordLevel that knows no word: one token a piece, with its offsets.
inline nlohmann::json pieceTokenizer() { return {{"model", {{"type", "WordLevel"}, {"vocab", {{"?", 0}}}, {"unk_token", "?"}}}}; }

inline Tokenizer made(const nlohmann::json& json)
{
    auto tokenizer = Tokenizer::parse(json.dump());
    if (!tokenizer)
        qFatal("%s", tokenizer.error().what.c_str());
    return std::move(*tokenizer);
}

/// What a normalizer makes of a text.
inline std::string normalized(const nlohmann::json& normalizer, const std::string& text)
{
    auto json = byteTokenizer();
    json["normalizer"] = normalizer;
    const auto encoding = made(json).encode(text, false);
    std::string out;
    for (const auto id : encoding.ok() ? encoding->ids : std::vector<std::int32_t>{})
        out += static_cast<char>(id);
    return out;
}

/// What a pre-tokenizer cuts a text into, as parts of the text.
inline std::vector<std::string> cut(const nlohmann::json& preTokenizer, const std::string& text)
{
    auto json = pieceTokenizer();
    json["pre_tokenizer"] = preTokenizer;
    const auto encoding = made(json).encode(text, false);
    std::vector<std::string> pieces;
    for (const auto& [first, last] : encoding.ok() ? encoding->offsets : std::vector<std::pair<Index, Index>>{})
        pieces.push_back(text.substr(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
    return pieces;
}

} // namespace attnscope::tests
