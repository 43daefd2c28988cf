// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/rope.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace attnscope {

namespace {

std::vector<float> plainFrequencies(double theta, Index dims)
{
    std::vector<float> frequencies(static_cast<std::size_t>(dims / 2));
    for (std::size_t i = 0; i < frequencies.size(); ++i)
        frequencies[i] = 1.0F / std::pow(static_cast<float>(theta), static_cast<float>(2 * i) / static_cast<float>(dims));
    return frequencies;
}

/// NTK-aware scaling, which changes the base with the length of the text.
double dynamicTheta(const RopeConfig& rope, Index length)
{
    const double reached = std::max(static_cast<double>(length), rope.trainedLength);
    const auto dims = static_cast<double>(rope.dims);
    return rope.theta * std::pow(rope.factor * reached / rope.trainedLength - (rope.factor - 1.0), dims / (dims - 2.0));
}

/// Long waves are stretched, short ones kept, those between interpolated (Llama 3.1).
float llama3Frequency(float frequency, const RopeConfig& rope)
{
    const double wavelength = 2.0 * std::numbers::pi / frequency;
    const double stretched = frequency / rope.factor;
    if (wavelength > rope.originalLength / rope.lowFrequencyFactor)
        return static_cast<float>(stretched);
    if (wavelength < rope.originalLength / rope.highFrequencyFactor)
        return frequency;
    const double smooth =
        (rope.originalLength / wavelength - rope.lowFrequencyFactor) / (rope.highFrequencyFactor - rope.lowFrequencyFactor);
    return static_cast<float>((1.0 - smooth) * stretched + smooth * frequency);
}

/// YaRN (Peng et al. 2023, arXiv 2309.00071), section 3.2: a ramp over dimensions between interpolation and extrapolation.
void applyYarn(std::vector<float>& frequencies, const RopeConfig& rope)
{
    const auto dims = static_cast<double>(rope.dims);
    const auto dimensionOf = [&](double rotations) {
        return dims * std::log(rope.originalLength / (rotations * 2.0 * std::numbers::pi)) / (2.0 * std::log(rope.theta));
    };
    double low = dimensionOf(rope.betaFast);
    double high = dimensionOf(rope.betaSlow);
    if (rope.truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, dims - 1.0);
    if (low == high)
        high += 0.001;
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const double interpolated = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        frequencies[i] = static_cast<float>(frequencies[i] * (interpolated / rope.factor + 1.0 - interpolated));
    }
}

} // namespace

std::vector<float> ropeFrequencies(const RopeConfig& rope, Index length)
{
    auto frequencies = plainFrequencies(rope.type == RopeType::Dynamic ? dynamicTheta(rope, length) : rope.theta, rope.dims);
    for (float& frequency : frequencies) {
        if (rope.type == RopeType::Linear)
            frequency /= static_cast<float>(rope.factor);
        else if (rope.type == RopeType::Llama3)
            frequency = llama3Frequency(frequency, rope);
    }
    if (rope.type == RopeType::Yarn)
        applyYarn(frequencies, rope);
    return frequencies;
}

RopeTable::RopeTable(const RopeConfig& rope, Index length, const RunContext& context) : m_half(rope.dims / 2)
{
    const auto frequencies = ropeFrequencies(rope, length);
    const auto factor = static_cast<float>(rope.type == RopeType::Yarn ? rope.attentionFactor : 1.0);
    m_cos.resize(static_cast<std::size_t>(length * m_half));
    m_sin.resize(m_cos.size());
    parallelFor(length, 256, context, [&](Index first, Index last) {
        auto at = static_cast<std::size_t>(first * m_half);
        for (Index position = first; position < last; ++position)
            for (const float frequency : frequencies) {
                const float angle = static_cast<float>(position) * frequency;
                m_cos[at] = std::cos(angle) * factor;
                m_sin[at++] = std::sin(angle) * factor;
            }
    });
}

void RopeTable::rotate(float* head, Index position) const
{
    const float* cosines = m_cos.data() + position * m_half;
    const float* sines = m_sin.data() + position * m_half;
    for (Index i = 0; i < m_half; ++i) {
        const float a = head[i];
        const float b = head[i + m_half];
        head[i] = a * cosines[i] - b * sines[i];
        head[i + m_half] = b * cosines[i] + a * sines[i];
    }
}

} // namespace attnscope
