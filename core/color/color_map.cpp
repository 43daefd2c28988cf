// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/color/color_map.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace attnscope {

namespace {

struct Lab {
    double l = 0.0;
    double a = 0.0;
    double b = 0.0;
};

struct LinearRgb {
    double r = 0.0;
    double g = 0.0;
    double b = 0.0;
};

double toLinear(std::uint8_t channel)
{
    const double c = channel / 255.0;
    return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}

std::uint8_t fromLinear(double c)
{
    const double clipped = std::clamp(c, 0.0, 1.0);
    const double encoded = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * std::pow(clipped, 1.0 / 2.4) - 0.055;
    return static_cast<std::uint8_t>(std::lround(255.0 * encoded));
}

// The two matrices of OKLab's definition.
Lab toLab(Rgb c)
{
    const double r = toLinear(c.r);
    const double g = toLinear(c.g);
    const double b = toLinear(c.b);
    const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s, 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

LinearRgb toLinearRgb(const Lab& c)
{
    const double l = std::pow(c.l + 0.3963377774 * c.a + 0.2158037573 * c.b, 3.0);
    const double m = std::pow(c.l - 0.1055613458 * c.a - 0.0638541728 * c.b, 3.0);
    const double s = std::pow(c.l - 0.0894841775 * c.a - 1.2914855480 * c.b, 3.0);
    return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s, -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
            -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

bool inGamut(const LinearRgb& c)
{
    constexpr double slack = 1e-3;
    return std::min({c.r, c.g, c.b}) >= -slack && std::max({c.r, c.g, c.b}) <= 1.0 + slack;
}

// A colour outside sRGB gives up chroma, never lightness.
Rgb toRgb(Lab c)
{
    LinearRgb rgb = toLinearRgb(c);
    for (int i = 0; i < 60 && !inGamut(rgb); ++i) {
        c.a *= 0.98;
        c.b *= 0.98;
        rgb = toLinearRgb(c);
    }
    return {fromLinear(rgb.r), fromLinear(rgb.g), fromLinear(rgb.b)};
}

double catmullRom(double p0, double p1, double p2, double p3, double t)
{
    return 0.5 * (2.0 * p1 + (p2 - p0) * t + (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3) * t * t + (3.0 * p1 - p0 - 3.0 * p2 + p3) * t * t * t);
}

// `anchors` stand at even distances; position 0 to 1.
Lab spline(std::span<const Lab> anchors, double position)
{
    const double at = position * static_cast<double>(anchors.size() - 1);
    const auto last = static_cast<std::ptrdiff_t>(anchors.size()) - 1;
    const auto i = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(at), last - 1);
    const auto anchor = [&](std::ptrdiff_t k) { return anchors[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(k, 0, last))]; };
    const Lab p0 = anchor(i - 1);
    const Lab p1 = anchor(i);
    const Lab p2 = anchor(i + 1);
    const Lab p3 = anchor(i + 2);
    const double t = at - static_cast<double>(i);
    return {0.0, catmullRom(p0.a, p1.a, p2.a, p3.a, t), catmullRom(p0.b, p1.b, p2.b, p3.b, t)};
}

ColorMap makeMap(std::string_view name, std::string_view title, bool diverging, std::span<const Rgb> colors)
{
    std::vector<Lab> anchors;
    for (const Rgb color : colors)
        anchors.push_back(toLab(color));
    const double first = anchors.front().l;
    const double middle = anchors[anchors.size() / 2].l;
    const double last = anchors.back().l;
    ColorMap map{name, title, diverging, {}};
    for (std::size_t i = 0; i < map.table.size(); ++i) {
        const double t = static_cast<double>(i) / 255.0;
        Lab c = spline(anchors, t);
        c.l = !diverging ? std::lerp(first, last, t) : t < 0.5 ? std::lerp(first, middle, 2.0 * t) : std::lerp(middle, last, 2.0 * t - 1.0);
        map.table[i] = toRgb(c);
    }
    return map;
}

std::vector<ColorMap> makeMaps()
{
    constexpr Rgb viridis[] = {{68, 1, 84}, {59, 82, 139}, {33, 144, 141}, {93, 200, 99}, {253, 231, 37}};
    constexpr Rgb cividis[] = {{0, 34, 78}, {66, 78, 108}, {124, 123, 120}, {186, 173, 108}, {254, 232, 56}};
    constexpr Rgb magma[] = {{3, 2, 16}, {80, 18, 123}, {182, 54, 121}, {251, 136, 97}, {252, 253, 191}};
    constexpr Rgb grey[] = {{16, 16, 16}, {128, 128, 128}, {250, 250, 250}};
    constexpr Rgb diverging[] = {{18, 62, 150}, {94, 144, 206}, {247, 247, 247}, {222, 116, 94}, {166, 18, 38}};
    std::vector<ColorMap> maps;
    maps.push_back(makeMap("viridis", "Viridis", false, viridis));
    maps.push_back(makeMap("cividis", "Cividis", false, cividis));
    maps.push_back(makeMap("magma", "Magma", false, magma));
    maps.push_back(makeMap("grey", "Grey", false, grey));
    maps.push_back(makeMap("diverging", "Blue, white, red", true, diverging));
    return maps;
}

} // namespace

const std::vector<ColorMap>& colorMaps()
{
    static const std::vector<ColorMap> maps = makeMaps();
    return maps;
}

const ColorMap& colorMap(std::string_view name)
{
    const auto& maps = colorMaps();
    const auto found = std::find_if(maps.begin(), maps.end(), [&](const ColorMap& map) { return map.name == name; });
    return found != maps.end() ? *found : maps.front();
}

double lightness(Rgb color) { return toLab(color).l; }

} // namespace attnscope
