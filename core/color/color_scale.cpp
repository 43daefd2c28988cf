// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/color/color_scale.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace attnscope {

namespace {

// Rising, without bounds; the range is mapped to 0..1 afterwards.
double transform(double x, Normalisation normalisation, double threshold)
{
    switch (normalisation) {
    case Normalisation::Log:
        return std::log(std::max(x, kLogFloor));
    case Normalisation::Symlog:
        return std::copysign(std::log1p(std::abs(x) / threshold), x);
    case Normalisation::Sqrt:
        return std::copysign(std::sqrt(std::abs(x)), x);
    case Normalisation::Linear:
        break;
    }
    return x;
}

double inverse(double y, Normalisation normalisation, double threshold)
{
    switch (normalisation) {
    case Normalisation::Log:
        return std::exp(y);
    case Normalisation::Symlog:
        return std::copysign(threshold * std::expm1(std::abs(y)), y);
    case Normalisation::Sqrt:
        return std::copysign(y * y, y);
    case Normalisation::Linear:
        break;
    }
    return y;
}

} // namespace

double ColorScale::symlogThreshold() const { return std::max(kLogFloor, std::max(std::abs(low), std::abs(high)) / 1000.0); }

double ColorScale::position(double value) const
{
    const double threshold = symlogThreshold();
    const double from = transform(low, normalisation, threshold);
    const double to = transform(high, normalisation, threshold);
    if (!(to > from))
        return 0.0;
    return std::clamp((transform(value, normalisation, threshold) - from) / (to - from), 0.0, 1.0);
}

double ColorScale::value(double position) const
{
    const double threshold = symlogThreshold();
    const double from = transform(low, normalisation, threshold);
    const double to = transform(high, normalisation, threshold);
    return inverse(std::lerp(from, to, position), normalisation, threshold);
}

ColorLookup::ColorLookup(const ColorScale& scale)
    : m_normalisation(scale.normalisation), m_threshold(static_cast<float>(scale.symlogThreshold()))
{
    const double from = transform(scale.low, scale.normalisation, scale.symlogThreshold());
    const double to = transform(scale.high, scale.normalisation, scale.symlogThreshold());
    m_from = static_cast<float>(from);
    m_factor = to > from ? static_cast<float>(255.0 / (to - from)) : 0.0F;
}

std::uint8_t ColorLookup::index(float value) const
{
    float y = value;
    if (m_normalisation == Normalisation::Log)
        y = std::log(std::max(value, static_cast<float>(kLogFloor)));
    else if (m_normalisation == Normalisation::Symlog)
        y = std::copysign(std::log1p(std::abs(value) / m_threshold), value);
    else if (m_normalisation == Normalisation::Sqrt)
        y = std::copysign(std::sqrt(std::abs(value)), value);
    return static_cast<std::uint8_t>(std::clamp((y - m_from) * m_factor, 0.0F, 255.0F) + 0.5F);
}

ValueRange united(const ValueRange& a, const ValueRange& b)
{
    const double positive =
        a.minPositive > 0.0 && b.minPositive > 0.0 ? std::min(a.minPositive, b.minPositive) : std::max(a.minPositive, b.minPositive);
    return {std::min(a.min, b.min), std::max(a.max, b.max), positive};
}

ColorScale autoScale(const ValueRange& range, Normalisation normalisation, const ColorMap& map)
{
    ColorScale scale{normalisation, 0.0, 1.0, &map};
    if (map.diverging || normalisation == Normalisation::Symlog) {
        const double largest = std::max({std::abs(range.min), std::abs(range.max), 2.0 * kLogFloor});
        const bool oneSided = !map.diverging && range.min >= 0.0;
        scale.low = oneSided ? 0.0 : -largest;
        scale.high = largest;
        if (normalisation == Normalisation::Log)
            scale.normalisation = Normalisation::Symlog;
    } else if (normalisation == Normalisation::Log) {
        scale.high = std::max(range.max, 10.0 * kLogFloor);
        const double smallest = std::clamp(range.minPositive, kLogFloor, scale.high / 10.0);
        scale.low = std::max(kLogFloor, std::pow(10.0, std::floor(std::log10(smallest) + 1e-9)));
    } else {
        scale.low = std::min(range.min, 0.0);
        scale.high = range.max > scale.low ? range.max : scale.low + 1.0;
    }
    return scale;
}

std::string formatValue(double value, int digits)
{
    if (std::isnan(value))
        return "NaN";
    if (std::isinf(value))
        return value > 0 ? "+∞" : "−∞";
    const double magnitude = std::abs(value);
    char text[48];
    if (magnitude == 0.0)
        return "0";
    if (magnitude < 1e-4 || magnitude >= 1e6)
        std::snprintf(text, sizeof text, "%.*e", digits - 1, magnitude);
    else
        std::snprintf(text, sizeof text, "%.*f", std::max(0, digits - 1 - static_cast<int>(std::floor(std::log10(magnitude)))), magnitude);
    return (value < 0 ? "−" : "") + std::string(text);
}

} // namespace attnscope
