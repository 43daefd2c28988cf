// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/regex.h"

#include "core/model/tokenizer/regex_translation.h"
#include "core/model/tokenizer/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <chrono>
#include <optional>

namespace attnscope::tokenizer {

struct Regex::Code {
    pcre2_code* code = nullptr;
    std::string pattern;

    Code() = default;
    Code(const Code&) = delete;
    Code& operator=(const Code&) = delete;
    ~Code() { pcre2_code_free(code); }
};

namespace {

using Clock = std::chrono::steady_clock;

/// What a thread needs to match; made once a thread because a JIT stack costs more than most matches.
struct Scratch {
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
    pcre2_match_context* context = pcre2_match_context_create(nullptr);
    pcre2_jit_stack* stack = pcre2_jit_stack_create(32 * 1024, 8 * 1024 * 1024, nullptr);

    Scratch()
    {
        if (context != nullptr && stack != nullptr)
            pcre2_jit_stack_assign(context, nullptr, stack);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch()
    {
        pcre2_jit_stack_free(stack);
        pcre2_match_context_free(context);
        pcre2_match_data_free(data);
    }
};

Scratch& scratch()
{
    thread_local Scratch made;
    return made;
}

constexpr std::size_t longestShown = 80; // of a pattern, in messages

std::string messageOf(int code)
{
    PCRE2_UCHAR buffer[256];
    pcre2_get_error_message(code, buffer, sizeof buffer);
    return reinterpret_cast<const char*>(buffer);
}

Error tooCostly(const std::string& pattern)
{
    return {Errc::Unsupported, "The tokenizer's pattern \"" + shortened(pattern, longestShown) + "\" takes too long on this text.",
            "Use a shorter text, or a tokenizer.json with a simpler pattern."};
}

/// Time that all matches of one pattern in one text may take together.
Clock::duration timeAllowed(std::size_t bytes) { return std::chrono::seconds(20) + std::chrono::microseconds(10) * bytes; }

} // namespace

Result<Regex> Regex::compile(std::string_view pattern)
{
    const auto unsupported = [&](const std::string& why) {
        return Error{Errc::Unsupported, "The tokenizer's pattern \"" + shortened(pattern, longestShown) + "\" can't be used: " + why + ".",
                     "Check the pattern in tokenizer.json."};
    };
    constexpr std::size_t longest = 64 * 1024;
    if (pattern.size() > longest)
        return unsupported("it is longer than 64 KiB");
    auto translated = translateRegex(pattern);
    if (!translated)
        return unsupported(translated.error().what);
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_compile_context* options = pcre2_compile_context_create(nullptr);
    if (options == nullptr)
        return Error{Errc::OutOfMemory, "There is no memory left for the tokenizer's pattern.", "Close something and try again."};
    pcre2_set_newline(options, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(options, 100);
    auto code = std::make_shared<Code>();
    code->pattern = std::string(pattern);
    code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated->data()), translated->size(),
                               PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &offset, options);
    pcre2_compile_context_free(options);
    if (code->code == nullptr)
        return unsupported(messageOf(error));
    pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE); // where it fails, matching interprets
    return Regex(std::move(code));
}

Result<void> Regex::find(std::string_view text, std::vector<Match>& out, const RunContext& context) const
{
    Scratch& my = scratch();
    if (my.data == nullptr || my.context == nullptr)
        return Error{Errc::OutOfMemory, "There is no memory left for the tokenizer's pattern.", "Close something and try again."};
    pcre2_set_match_limit(my.context, static_cast<std::uint32_t>(std::min<std::size_t>(10'000'000 + 32 * text.size(), 1'000'000'000)));
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    const auto deadline = Clock::now() + timeAllowed(text.size());
    std::size_t covered = 0;
    std::size_t from = 0;
    std::optional<std::size_t> lastEnd;
    for (std::size_t round = 1; from <= text.size(); ++round) {
        if (round % 64 == 0 && (context.cancelled() || Clock::now() > deadline))
            return context.cancelled() ? cancelledError() : tooCostly(m_code->pattern);
        const int found = pcre2_match(m_code->code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, my.data, my.context);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found < 0)
            return tooCostly(m_code->pattern);
        const PCRE2_SIZE* where = pcre2_get_ovector_pointer(my.data);
        const std::size_t first = where[0];
        const std::size_t last = where[1];
        if (last < first || first < covered)
            return tooCostly(m_code->pattern);  // \K in a look-around
        if (first == last && lastEnd == last) { // an empty match right behind the last one doesn't count
            from += from < text.size() ? sequenceLength(text[from]) : 1;
            continue;
        }
        if (first > covered)
            out.push_back({covered, first, false});
        out.push_back({first, last, true});
        covered = from = last;
        lastEnd = last;
    }
    if (covered < text.size())
        out.push_back({covered, text.size(), false});
    return {};
}

} // namespace attnscope::tokenizer
