// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/lengths.h"

#include "core/bench/sweep.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace attnscope::cli {

namespace {

std::optional<Index> wholeNumber(std::string_view text)
{
    Index value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && end == text.data() + text.size() && value >= 0 ? std::optional(value) : std::nullopt;
}

Error badText(std::string_view text, std::string what, std::string hint)
{
    return {Errc::InvalidParam, "\"" + std::string(text) + "\" " + std::move(what), std::move(hint)};
}

std::vector<std::string_view> split(std::string_view text)
{
    std::vector<std::string_view> parts;
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find(',', start), text.size());
        parts.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

} // namespace

Result<std::vector<Index>> parseLengths(std::string_view text)
{
    constexpr Index longest = Index{1} << 40;
    std::vector<Index> lengths;
    for (const auto part : split(text)) {
        const auto colon = part.find(':');
        const auto first = wholeNumber(part.substr(0, colon));
        const auto last = colon == std::string_view::npos ? first : wholeNumber(part.substr(colon + 1));
        if (!first || !last || *first < 1 || *last < *first || *last > longest)
            return badText(text, "is no list of lengths.", "Write first:last, such as 64:65536, or a list, such as 100,200,400.");
        const auto some = doublingLengths(*first, *last);
        lengths.insert(lengths.end(), some.begin(), some.end());
    }
    std::sort(lengths.begin(), lengths.end());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
    return lengths;
}

Result<std::vector<Index>> parseIndices(std::string_view text)
{
    std::vector<Index> indices;
    for (const auto part : split(text)) {
        const auto index = wholeNumber(part);
        if (!index)
            return badText(text, "is no list of whole numbers.", "Write for example 0,3.");
        indices.push_back(*index);
    }
    return indices;
}

Result<std::pair<Index, Index>> parseRange(std::string_view text, Index size)
{
    const auto colon = text.find(':');
    const auto before = text.substr(0, colon);
    const auto after = colon == std::string_view::npos ? std::string_view("?") : text.substr(colon + 1);
    const auto first = before.empty() ? std::optional<Index>(0) : wholeNumber(before);
    const auto last = after.empty() ? std::optional(size) : wholeNumber(after);
    if (!first || !last || *first >= *last)
        return badText(text, "is no range.", "Write first:last with first < last, such as 0:64; last itself is left out.");
    if (*last > size)
        return badText(text, "leaves the map, which has " + std::to_string(size) + " there.",
                       "Give a range within 0:" + std::to_string(size) + ".");
    return std::pair(*first, *last);
}

Result<HeadRef> parseHead(std::string_view text)
{
    const auto colon = text.find(':');
    const auto batch = colon == std::string_view::npos ? std::optional<Index>(0) : wholeNumber(text.substr(0, colon));
    const auto head = wholeNumber(colon == std::string_view::npos ? text : text.substr(colon + 1));
    if (!batch || !head)
        return badText(text, "names no head.", "Write batch:head counted from 0, such as 0:3.");
    return HeadRef{*batch, *head};
}

std::string checkPositive(const std::string& text)
{
    double value = 0.0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = failure == std::errc{} && end == text.data() + text.size() && value > 0.0 && std::isfinite(value);
    return good ? std::string() : text + " is no positive number";
}

} // namespace attnscope::cli
