// SPDX-License-Identifier: GPL-3.0-or-later
// Random numbers that are the same on every machine and with every standard library.
#pragma once

#include <cmath>
#include <cstdint>

namespace attnscope {

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): one 64-bit state, 2^64 numbers. Streams of one seed are independent.
class Random {
public:
    explicit Random(std::uint64_t seed, std::uint64_t stream = 0) : m_state(mix(seed + kStep) ^ mix(mix(stream + 2 * kStep))) {}

    std::uint64_t next() { return mix(m_state += kStep); }

    /// In (0, 1), never 0 or 1.
    double uniform() { return (static_cast<double>(next() >> 12) + 0.5) * 0x1p-52; }

    /// N(0, 1) by Marsaglia's polar method.
    double normal()
    {
        if (m_hasSpare) {
            m_hasSpare = false;
            return m_spare;
        }
        double x = 0.0;
        double y = 0.0;
        double square = 0.0;
        do {
            x = 2.0 * uniform() - 1.0;
            y = 2.0 * uniform() - 1.0;
            square = x * x + y * y;
        } while (square >= 1.0 || square == 0.0);
        const double factor = std::sqrt(-2.0 * std::log(square) / square);
        m_spare = y * factor;
        m_hasSpare = true;
        return x * factor;
    }

private:
    static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15U;

    static constexpr std::uint64_t mix(std::uint64_t z)
    {
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }

    std::uint64_t m_state;
    double m_spare = 0.0;
    bool m_hasSpare = false;
};

} // namespace attnscope
