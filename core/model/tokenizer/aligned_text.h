// SPDX-License-Identifier: GPL-3.0-or-later
// A text under normalisation, each of whose bytes remembers which bytes of the input it came from.
#pragma once

#include "core/base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope::tokenizer {

/// Bytes [first, last) of the input.
struct Span {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

/// Bytes that `bytes` of input may grow to; real tokenizers stay below a tenth of it, hostile files must not fill the memory.
constexpr std::size_t growthLimit(std::size_t bytes) { return (std::size_t{1} << 20) + 32 * bytes; }

/// What is said where a file's rules make a text grow beyond that.
Error growsTooMuch();

/// One character of a transformed text. change 0: it replaces the next old character; 1: it is inserted and shares the origin of
/// what stands before it; -n: it replaces the next old character and the n after that are dropped.
struct Change {
    char32_t c = 0;
    std::int32_t change = 0;
};

/// Bytes [first, last) of a text, and whether a pattern matched them.
struct Match {
    std::size_t first = 0;
    std::size_t last = 0;
    bool hit = false;
};

class AlignedText {
public:
    /// A part of the input that begins at byte `origin` of it; well-formed UTF-8.
    AlignedText(std::string_view part, std::uint32_t origin);

    const std::string& text() const { return m_text; }
    const std::vector<Span>& spans() const { return m_spans; } ///< one a byte of text()
    bool empty() const { return m_text.empty(); }

    /// Replaces the whole text; the first `dropped` old characters have no successor.
    void transform(std::span<const Change> changes, std::size_t dropped);
    /// Removes the characters for which keep is false.
    void filter(const std::function<bool(char32_t)>& keep);
    /// Replaces each character by one other.
    void map(const std::function<char32_t(char32_t)>& to);
    /// Puts `prefix` before a text that is not empty; it shares the origin of the first character.
    void prepend(std::string_view prefix);
    /// Replaces the hits among `matches`, which cover the text in order, by `content`.
    void replace(std::span<const Match> matches, std::string_view content);
    /// Removes white space at either end.
    void strip(bool left, bool right);

private:
    std::size_t skip(std::size_t at, std::size_t characters) const;

    std::string m_text;
    std::vector<Span> m_spans;
    std::uint32_t m_origin;
};

} // namespace attnscope::tokenizer
