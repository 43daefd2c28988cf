// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

namespace attnscope {

namespace {

std::string grouped(long long value)
{
    std::string text = std::to_string(value);
    for (auto at = static_cast<long long>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<std::size_t>(at), ",");
    return text;
}

} // namespace

std::string plainDigits(double value)
{
    if (std::abs(value) >= 100.0)
        return grouped(std::llround(value));
    char text[64];
    std::snprintf(text, sizeof text, "%.3g", value);
    return std::string(text).find('e') == std::string::npos ? text : std::to_string(value);
}

std::string plainBytes(double bytes)
{
    constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    for (; bytes >= 1023.5 && unit + 1 < std::size(units); ++unit)
        bytes /= 1024.0;
    return plainDigits(bytes) + " " + units[unit];
}

std::string plainTime(double ms)
{
    if (ms < 1.0)
        return plainDigits(1e3 * ms) + " us";
    if (ms < 1e3)
        return plainDigits(ms) + " ms";
    if (ms < 120e3)
        return plainDigits(ms / 1e3) + " s";
    return ms < 7200e3 ? plainDigits(ms / 60e3) + " min" : plainDigits(ms / 3600e3) + " h";
}

std::string plainCount(double count)
{
    if (count >= 1e9)
        return plainDigits(count / 1e9) + " billion";
    return count >= 1e6 ? plainDigits(count / 1e6) + " million" : grouped(std::llround(count));
}

std::string plainShare(double share)
{
    const auto percent = std::lround(100.0 * share);
    return percent == 0 && share > 0.0 ? "below 1 %" : std::to_string(percent) + " %";
}

} // namespace attnscope
