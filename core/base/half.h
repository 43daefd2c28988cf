// SPDX-License-Identifier: GPL-3.0-or-later
// float16 (IEEE 754 binary16) and bfloat16 as bit patterns, to and from float32.
#pragma once

#include <bit>
#include <cstdint>

namespace attnscope {

/// Exact, with subnormals, infinities and NaN; branch-free, so that loops over it vectorise.
inline float floatFromHalf(std::uint16_t half)
{
    const std::uint32_t magnitude = half & 0x7fffU;
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
    const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112F; // moves the exponent bias from 15 to 127
    const std::uint32_t special = magnitude >= 0x7c00U ? 0x7f800000U : 0U;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | sign);
}

/// Exact.
inline float floatFromBfloat16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// Rounded to nearest, ties to even; NaN stays NaN.
inline std::uint16_t bfloat16FromFloat(float value)
{
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7fffffffU) > 0x7f800000U)
        return static_cast<std::uint16_t>(bits >> 16 | 0x40U);
    return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

/// Rounded to nearest, ties to even; too large becomes infinity, NaN stays NaN.
inline std::uint16_t halfFromFloat(float value)
{
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
    const std::uint32_t magnitude = bits & 0x7fffffffU;
    if (magnitude > 0x7f800000U)
        return static_cast<std::uint16_t>(sign | 0x7e00U);
    if (magnitude >= 0x477ff000U) // 65520 and above round to infinity
        return static_cast<std::uint16_t>(sign | 0x7c00U);
    if (magnitude < 0x38800000U) { // below 2^-14: adding 0.5 lets the addition round to a multiple of 2^-24
        const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
    }
    const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

} // namespace attnscope
