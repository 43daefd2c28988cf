// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/layout.h"

#include "core/io/array_file.h"

#include <algorithm>
#include <cctype>

namespace attnscope {

namespace {

constexpr Index mostPlausibleHeads = 256;
constexpr Index mostUsualHeads = 64;

std::string spelled(Layout layout)
{
    std::string text;
    for (const char* letter = nameOf(layout); *letter != '\0'; ++letter)
        text += (text.empty() ? "" : ", ") + std::string(1, *letter);
    return text;
}

/// q, k and v in one reading.
struct Sizes {
    std::array<Index, 4> q, k, v;

    Sizes(Layout layout, const ArrayShapes& s) : q(sizesIn(layout, s.q)), k(sizesIn(layout, s.k)), v(sizesIn(layout, s.v)) {}

    Index heads() const { return q[1]; }
    Index queries() const { return q[2]; }
    bool fits() const { return k[1] > 0 && q[1] % k[1] == 0 && k[1] == v[1] && k[2] == v[2]; }
    bool square() const { return q[2] == k[2] && q[1] <= mostPlausibleHeads; }
};

struct Guess {
    bool headsFirst;
    std::string reason;
};

Guess guess(const Sizes& headsFirst, const Sizes& tokensFirst, Index tokenCount)
{
    const auto decide = [](bool forHeads, bool forTokens) { return forHeads != forTokens; };
    if (tokenCount > 0) {
        const bool a = headsFirst.queries() == tokenCount;
        if (decide(a, tokensFirst.queries() == tokenCount))
            return {a, "there are " + std::to_string(tokenCount) + " tokens"};
    }
    if (decide(headsFirst.fits(), tokensFirst.fits()))
        return {headsFirst.fits(), "read the other way, k and v would not fit q"};
    if (decide(headsFirst.square(), tokensFirst.square()))
        return {headsFirst.square(), "so there are as many queries as keys"};
    const Index first = headsFirst.heads();
    const Index second = headsFirst.queries();
    if (first > second && first > mostUsualHeads)
        return {false, std::to_string(first) + " is longer than " + std::to_string(second) + " and more than heads usually are"};
    return {true, "heads usually come first"};
}

} // namespace

const char* nameOf(Layout layout)
{
    switch (layout) {
    case Layout::ND:
        return "ND";
    case Layout::HND:
        return "HND";
    case Layout::NHD:
        return "NHD";
    case Layout::BHND:
        return "BHND";
    case Layout::BNHD:
        break;
    }
    return "BNHD";
}

std::optional<Layout> layoutNamed(std::string_view name)
{
    std::string upper(name);
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (const Layout layout : {Layout::ND, Layout::HND, Layout::NHD, Layout::BHND, Layout::BNHD})
        if (upper == nameOf(layout))
            return layout;
    return std::nullopt;
}

std::vector<Layout> layoutsOfRank(std::size_t rank)
{
    switch (rank) {
    case 2:
        return {Layout::ND};
    case 3:
        return {Layout::HND, Layout::NHD};
    case 4:
        return {Layout::BHND, Layout::BNHD};
    default:
        return {};
    }
}

std::array<Index, 4> sizesIn(Layout layout, std::span<const Index> s)
{
    switch (layout) {
    case Layout::ND:
        return {1, 1, s[0], s[1]};
    case Layout::HND:
        return {1, s[0], s[1], s[2]};
    case Layout::NHD:
        return {1, s[1], s[0], s[2]};
    case Layout::BHND:
        return {s[0], s[1], s[2], s[3]};
    case Layout::BNHD:
        break;
    }
    return {s[0], s[2], s[1], s[3]};
}

Result<LayoutReading> readLayout(const ArrayShapes& shapes, std::optional<Layout> given, Index tokenCount)
{
    const std::size_t rank = shapes.q.size();
    const auto possible = layoutsOfRank(rank);
    const std::string all = "q is " + shapeText(shapes.q) + ", k " + shapeText(shapes.k) + ", v " + shapeText(shapes.v);
    if (possible.empty() || shapes.k.size() != rank || shapes.v.size() != rank)
        return Error{Errc::InvalidShape, "The arrays can't be read as queries, keys and values: " + all + ".",
                     "Save all three as [N, D], [H, N, D], [B, H, N, D] or [B, N, H, D]."};
    LayoutReading reading;
    if (given) {
        if (std::find(possible.begin(), possible.end(), *given) == possible.end())
            return Error{Errc::InvalidShape, "The layout " + std::string(nameOf(*given)) + " doesn't suit the arrays: " + all + ".",
                         rank == 2 ? "Arrays of two axes are always read as N, D."
                                   : "Choose " + std::string(nameOf(possible[0])) + " or " + nameOf(possible[1]) + "."};
        reading.layout = *given;
    } else if (possible.size() == 1) {
        reading.layout = possible[0];
    } else {
        auto chosen = guess(Sizes(possible[0], shapes), Sizes(possible[1], shapes), tokenCount);
        reading.layout = possible[chosen.headsFirst ? 0 : 1];
        reading.guessed = true;
        reading.reason = std::move(chosen.reason);
    }
    reading.explanation = "q " + shapeText(shapes.q) + " read as " + spelled(reading.layout);
    return reading;
}

void copyAsBHND(Layout layout, std::span<const Index> shape, const float* from, float* to)
{
    const auto [batch, heads, rows, cols] = sizesIn(layout, shape);
    if (isBHND(layout)) {
        std::copy_n(from, batch * heads * rows * cols, to);
        return;
    }
    for (Index b = 0; b < batch; ++b)
        for (Index n = 0; n < rows; ++n)
            for (Index h = 0; h < heads; ++h, from += cols)
                std::copy_n(from, cols, to + ((b * heads + h) * rows + n) * cols);
}

} // namespace attnscope
