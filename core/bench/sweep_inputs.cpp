// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/sweep_inputs.h"

#include "core/base/random.h"

namespace attnscope {

namespace {

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
    Random random(seed);
    for (Tensor* tensor : {&m_q, &m_k, &m_v})
        for (float& x : tensor->values())
            x = static_cast<float>(random.normal());
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
