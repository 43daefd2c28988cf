// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/extra_layout.h"

#include "core/io/array_file.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr const char* kHeadsFirst[] = {"N", "HN", "NW", "HNW", "BHN", "BHNW", "1", "H", "H1", "HW"};
constexpr const char* kTokensFirst[] = {"N", "NH", "NW", "NHW", "BNH", "BNHW", "1", "H", "1H", "H1", "HW"};

bool fits(char axis, Index size, const TokenSizes& sizes)
{
    const auto isOneOf = [size](std::initializer_list<Index> allowed) {
        return std::find(allowed.begin(), allowed.end(), size) != allowed.end();
    };
    switch (axis) {
    case 'B':
        return isOneOf({1, sizes.batch});
    case 'H':
        return isOneOf({1, sizes.kvHeads, sizes.heads});
    case 'N':
        return isOneOf({sizes.keys, sizes.queries});
    case '1':
        return size == 1;
    default:
        return size > 0;
    }
}

/// "HN" suits [8, 1024]. Of three and four axes, that of the tokens may be 1 too: one row for all.
bool suits(std::string_view axes, const std::vector<Index>& shape, const TokenSizes& sizes)
{
    bool good = axes.size() == shape.size();
    for (std::size_t i = 0; good && i < axes.size(); ++i)
        good = fits(axes[i], shape[i], sizes) || (axes.size() >= 3 && axes[i] == 'N' && shape[i] == 1);
    return good;
}

std::string spelled(std::string_view axes)
{
    std::string text;
    for (const char axis : axes)
        text += (text.empty() ? "" : ", ") + std::string(1, axis);
    return text;
}

/// The four sizes in the order of `order`, 1 where `axes` has none.
std::vector<Index> padded(std::string_view axes, const std::vector<Index>& shape, std::string_view order)
{
    std::vector<Index> sizes;
    for (const char axis : order) {
        const auto at = axes.find(axis);
        sizes.push_back(at == std::string_view::npos ? 1 : shape[at]);
    }
    return sizes;
}

std::vector<std::string_view> readings(const std::vector<Index>& shape, const TokenSizes& sizes, bool tokensFirst)
{
    std::vector<std::string_view> found;
    const std::span<const char* const> all = tokensFirst ? std::span<const char* const>(kTokensFirst) : kHeadsFirst;
    std::copy_if(all.begin(), all.end(), std::back_inserter(found), [&](std::string_view axes) { return suits(axes, shape, sizes); });
    return found;
}

} // namespace

Result<ExtraReading> readExtraLayout(const std::string& name, const std::vector<Index>& shape, const TokenSizes& sizes, bool tokensFirst)
{
    const auto found = readings(shape, sizes, tokensFirst);
    if (found.empty())
        return Error{Errc::InvalidShape,
                     "The array \"" + name + "\" " + shapeText(shape) + " doesn't go with " + std::to_string(sizes.heads) +
                         (sizes.heads == 1 ? " head of " : " heads of ") + std::to_string(sizes.keys) + " tokens.",
                     "Save it as [N], [N, W], [H, N] or [H, N, W] with the tokens and heads of q, or under another name if no method "
                     "is to take it."};
    ExtraReading reading{padded(found.front(), shape, tokensFirst ? "BNHW" : "BHNW"), tokensFirst ? Layout::BNHD : Layout::BHND,
                         name + " " + shapeText(shape) + " as " + spelled(found.front())};
    std::string others;
    for (std::size_t i = 1; i < found.size(); ++i)
        if (padded(found[i], shape, "BHNW") != padded(found.front(), shape, "BHNW"))
            others += (others.empty() ? "" : " or ") + spelled(found[i]);
    if (!others.empty())
        reading.explanation += " (" + others + " would fit too)";
    return reading;
}

} // namespace attnscope
