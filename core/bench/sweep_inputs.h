// SPDX-License-Identifier: GPL-3.0-or-later
// Random q, k, v of the longest length, of which every shorter one borrows the beginning.
#pragma once

#include "core/method/inputs.h"

namespace attnscope {

class SweepInputs {
public:
    /// shape.queries is the longest length; values iid N(0, 1), the same on every machine; all pages touched.
    SweepInputs(const Shape& shape, std::uint64_t seed);

    /// q, k [1, H, n, D] and v [1, H, n, Dv], contiguous; n at most the longest length.
    Inputs first(Index n, bool causal) const;

    /// Bytes of q, k and v.
    static double bytes(const Shape& shape);

private:
    Tensor m_q;
    Tensor m_k;
    Tensor m_v;
};

} // namespace attnscope
