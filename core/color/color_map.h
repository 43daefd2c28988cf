// SPDX-License-Identifier: GPL-3.0-or-later
// Colour maps as 256-entry tables, perceptually even by construction.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace attnscope {

struct Rgb {
    std::uint8_t r = 0;
    std::uint8_t g = 0;
    std::uint8_t b = 0;

    bool operator==(const Rgb&) const = default;
};

/// Entry 0 is the low end. Immutable; lives as long as the program.
struct ColorMap {
    std::string_view name;  ///< "viridis"
    std::string_view title; ///< "Viridis"
    bool diverging = false; ///< neutral in the middle: for signed values
    std::array<Rgb, 256> table{};
};

/// viridis, cividis, magma, grey, diverging. A few anchor colours each, interpolated in OKLab (B. Ottosson, 2020) by a
/// Catmull-Rom spline in hue and chroma, with lightness forced to a straight line between the ends (sequential maps) or
/// between each end and the middle (diverging), so that equal steps of the value look equally large.
const std::vector<ColorMap>& colorMaps();

/// viridis where there is none of that name.
const ColorMap& colorMap(std::string_view name);

/// OKLab lightness, 0 (black) to 1 (white).
double lightness(Rgb color);

} // namespace attnscope
