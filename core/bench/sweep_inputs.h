// SPDX-License-Identifier: GPL-3.0-or-later
// Random q, k, v that grow with the lengths of a sweep; every shorter length borrows the beginning.
#pragma once

#include "core/base/run_context.h"
#include "core/method/inputs.h"

namespace attnscope {

class SweepInputs {
public:
    explicit SweepInputs(std::uint64_t seed) : m_seed(seed) {}

    /// Makes room for shape.queries rows: values iid N(0, 1), the same on every machine, all pages touched. Cancelled.
    Result<void> grow(const Shape& shape, const RunContext& context);

    /// q, k [1, H, n, D] and v [1, H, n, Dv], contiguous; n at most what it has grown to.
    Inputs first(Index n, bool causal) const;

    /// Bytes of q, k and v.
    static double bytes(const Shape& shape);

private:
    std::uint64_t m_seed;
    Tensor m_q;
    Tensor m_k;
    Tensor m_v;
};

} // namespace attnscope
