// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/activation.h"

#include <cmath>
#include <numbers>

namespace attnscope {

namespace {

float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }
float silu(float x) { return x * sigmoid(x); }
float gelu(float x) { return 0.5F * x * (1.0F + std::erf(x / std::numbers::sqrt2_v<float>)); }
float quickGelu(float x) { return x * sigmoid(1.702F * x); }
float relu(float x) { return x > 0.0F ? x : 0.0F; }

float geluTanh(float x)
{
    constexpr float sqrtTwoOverPi = 0.7978845608028654F;
    return 0.5F * x * (1.0F + std::tanh(sqrtTwoOverPi * (x + 0.044715F * x * x * x)));
}

template <class Function>
void each(std::span<float> x, Function f)
{
    for (float& value : x)
        value = f(value);
}

} // namespace

void activate(Activation kind, std::span<float> x)
{
    switch (kind) {
    case Activation::Silu:
        return each(x, silu);
    case Activation::Gelu:
        return each(x, gelu);
    case Activation::GeluTanh:
        return each(x, geluTanh);
    case Activation::QuickGelu:
        return each(x, quickGelu);
    case Activation::Relu:
        return each(x, relu);
    case Activation::Tanh:
        return each(x, [](float value) { return std::tanh(value); });
    }
}

void activateGated(Activation kind, std::span<float> gate, std::span<const float> up)
{
    activate(kind, gate);
    for (std::size_t i = 0; i < gate.size(); ++i)
        gate[i] *= up[i];
}

} // namespace attnscope
