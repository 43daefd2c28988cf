// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/sweep_inputs.h"

#include "core/base/parallel.h"
#include "core/base/random.h"

namespace attnscope {

namespace {

/// In pieces with a stream each, so that they can be drawn in parallel and don't depend on the length. False when stopped.
bool fillNormal(std::span<float> values, std::uint64_t seed, std::uint64_t array, const RunContext& context)
{
    constexpr Index piece = Index{1} << 16;
    return parallelFor(static_cast<Index>(values.size()), piece, context, [&](Index first, Index last) {
        Random random(seed, (array << 48U) + static_cast<std::uint64_t>(first / piece));
        for (Index i = first; i < last; ++i)
            values[static_cast<std::size_t>(i)] = static_cast<float>(random.normal());
    });
}

TensorView<const float> beginning(const Tensor& tensor, Index n)
{
    const Index heads = tensor.heads();
    const Index cols = tensor.cols();
    return {tensor.data(), {1, heads, n, cols}, {heads * n * cols, n * cols, cols}};
}

} // namespace

Result<void> SweepInputs::grow(const Shape& s, const RunContext& context)
{
    if (m_q.rows() >= s.queries)
        return {};
    for (Tensor* tensor : {&m_q, &m_k, &m_v})
        *tensor = Tensor(); // before the larger ones are allocated
    m_q = Tensor(1, s.heads, s.queries, s.dim);
    m_k = Tensor(1, s.heads, s.queries, s.dim);
    m_v = Tensor(1, s.heads, s.queries, s.valueDim);
    std::uint64_t array = 0;
    for (Tensor* tensor : {&m_q, &m_k, &m_v}) {
        if (!fillNormal(tensor->values(), m_seed, array++, context)) {
            *this = SweepInputs(m_seed);
            return cancelledError();
        }
    }
    return {};
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
