// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/sweep_inputs.h"

#include <cmath>
#include <numbers>
#include <random>

namespace attnscope {

namespace {

/// Box-Muller, as std::normal_distribution differs between libraries.
void fillNormal(std::span<float> values, std::mt19937_64& random)
{
    const auto uniform = [&random] { return (static_cast<double>(random() >> 11U) + 0.5) * 0x1.0p-53; };
    for (std::size_t i = 0; i < values.size(); i += 2) {
        const double radius = std::sqrt(-2.0 * std::log(uniform()));
        const double angle = 2.0 * std::numbers::pi * uniform();
        values[i] = static_cast<float>(radius * std::cos(angle));
        if (i + 1 < values.size())
            values[i + 1] = static_cast<float>(radius * std::sin(angle));
    }
}

TensorView<const float> beginning(const Tensor& tensor, Index n)
{
    const Index heads = tensor.heads();
    const Index cols = tensor.cols();
    return {tensor.data(), {1, heads, n, cols}, {heads * n * cols, n * cols, cols}};
}

} // namespace

SweepInputs::SweepInputs(const Shape& s, std::uint64_t seed)
    : m_q(1, s.heads, s.queries, s.dim), m_k(1, s.heads, s.queries, s.dim), m_v(1, s.heads, s.queries, s.valueDim)
{
    std::mt19937_64 random(seed);
    for (Tensor* tensor : {&m_q, &m_k, &m_v})
        fillNormal(tensor->values(), random);
}

Inputs SweepInputs::first(Index n, bool causal) const
{
    return {beginning(m_q, n), beginning(m_k, n), beginning(m_v, n), causal, 0.0F, nullptr};
}

double SweepInputs::bytes(const Shape& s)
{
    const double perRow = 2.0 * static_cast<double>(s.dim) + static_cast<double>(s.valueDim);
    return perRow * static_cast<double>(sizeof(float)) * static_cast<double>(s.heads) * static_cast<double>(s.queries);
}

} // namespace attnscope
