// SPDX-License-Identifier: GPL-3.0-or-later
// Round tick values of a colour bar for each normalisation.
#include "core/color/color_scale.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace attnscope {

namespace {

std::string superscript(int exponent)
{
    static constexpr const char* digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    std::string text = exponent < 0 ? "⁻" : "";
    for (const char c : std::to_string(std::abs(exponent)))
        text += digits[c - '0'];
    return text;
}

std::string decadeLabel(double sign, int exponent)
{
    const std::string minus = sign < 0 ? "−" : "";
    if (exponent >= -2 && exponent <= 3) {
        char text[16];
        std::snprintf(text, sizeof text, "%g", std::pow(10.0, exponent));
        return minus + text;
    }
    return minus + "10" + superscript(exponent);
}

std::string plainLabel(double value)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", std::abs(value) < 1e-12 ? 0.0 : std::abs(value));
    return (value < -1e-12 ? "−" : "") + std::string(text);
}

// 1, 2 or 5 times a power of ten, so that about `count` steps cover `span`.
double roundStep(double span, int count)
{
    const double raw = span / std::max(1, count);
    const double base = std::pow(10.0, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (raw <= factor * base)
            return factor * base;
    return 10.0 * base;
}

void addDecades(std::vector<ScaleTick>& ticks, const ColorScale& scale, double smallest, double largest, int count, double sign)
{
    const int first = static_cast<int>(std::ceil(std::log10(smallest) - 1e-9));
    const int last = static_cast<int>(std::floor(std::log10(largest) + 1e-9));
    const int step = std::max(1, (last - first + count) / std::max(1, count));
    for (int exponent = last; exponent >= first; exponent -= step)
        ticks.push_back({scale.position(sign * std::pow(10.0, exponent)), decadeLabel(sign, exponent)});
}

} // namespace

std::vector<ScaleTick> ticksOf(const ColorScale& scale, int count)
{
    std::vector<ScaleTick> ticks;
    if (scale.normalisation == Normalisation::Log) {
        addDecades(ticks, scale, std::max(scale.low, kLogFloor), scale.high, count, 1.0);
    } else if (scale.normalisation == Normalisation::Symlog) {
        const double smallest = scale.symlogThreshold() * 5.0;
        const int side = std::max(1, (count - 1) / (scale.low < 0.0 ? 2 : 1));
        addDecades(ticks, scale, smallest, scale.high, side, 1.0);
        if (scale.low < 0.0)
            addDecades(ticks, scale, smallest, -scale.low, side, -1.0);
        ticks.push_back({scale.position(0.0), "0"});
    } else {
        const double step = roundStep(scale.high - scale.low, count);
        for (double value = std::ceil(scale.low / step - 1e-9) * step; value <= scale.high + 1e-9 * step; value += step)
            ticks.push_back({scale.position(value), plainLabel(value)});
    }
    std::sort(ticks.begin(), ticks.end(), [](const ScaleTick& a, const ScaleTick& b) { return a.position < b.position; });
    return ticks;
}

} // namespace attnscope
