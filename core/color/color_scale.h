// SPDX-License-Identifier: GPL-3.0-or-later
// Normalisation, range and colour map together: value -> position -> colour, and the ticks of its colour bar.
#pragma once

#include "core/color/color_map.h"
#include "core/color/normalisation.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace attnscope {

inline constexpr double kLogFloor = 1e-6; ///< the smallest value that a log scale tells from zero

/// Which colour a cell gets. NaN, infinite and masked cells are not a value's business: see isDrawable().
struct ColorScale {
    Normalisation normalisation = Normalisation::Log;
    double low = kLogFloor;
    double high = 1.0;
    const ColorMap* map = &colorMap("viridis");

    /// 0 at low, 1 at high, clamped outside. Log: values up to kLogFloor sit at kLogFloor. Symlog: odd, linear within
    /// symlogThreshold() of zero. Sqrt: odd. A diverging map has low == -high, so that 0 is its middle.
    double position(double value) const;

    /// The value at a position: the inverse of position() within the range.
    double value(double position) const;

    Rgb color(double value) const { return map->table[static_cast<std::size_t>(position(value) * 255.0 + 0.5)]; }

    /// Largest magnitude / 1000, at least kLogFloor.
    double symlogThreshold() const;

    bool operator==(const ColorScale&) const = default;
};

/// ColorScale for millions of cells: the table index of color(value) with the range's ends worked out once.
class ColorLookup {
public:
    explicit ColorLookup(const ColorScale& scale);
    std::uint8_t index(float value) const;

private:
    Normalisation m_normalisation;
    float m_threshold;
    float m_from;
    float m_factor;
};

/// A finite value: anything else is drawn as "not a number".
inline bool isDrawable(float value) { return value - value == 0.0F; }

struct ScaleTick {
    double position = 0.0; ///< 0 to 1 along the bar
    std::string label;     ///< "0.01", "10⁻⁴", "−0.5"
};

/// About `count` ticks at round values within the range, in rising order.
std::vector<ScaleTick> ticksOf(const ColorScale& scale, int count);

/// Extremes of what is to be drawn.
struct ValueRange {
    double min = 0.0;
    double max = 0.0;
    double minPositive = 0.0; ///< the smallest value > 0; 0 where there is none

    bool operator==(const ValueRange&) const = default;
};

/// Both ranges together.
ValueRange united(const ValueRange& a, const ValueRange& b);

/// Log: from the decade of minPositive, but at least kLogFloor, to max. Linear and Sqrt: from 0 (or min where negative) to
/// max. A diverging map, and Symlog: symmetric about 0. Never empty.
ColorScale autoScale(const ValueRange& range, Normalisation normalisation, const ColorMap& map);

/// "0.412", "3.2e-7", "−0.315": for cells, tables and hover, `digits` significant ones.
std::string formatValue(double value, int digits = 3);

} // namespace attnscope
