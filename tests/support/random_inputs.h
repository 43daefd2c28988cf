// SPDX-License-Identifier: GPL-3.0-or-later
// Fresh random q, k, v of any shape, from a seed.
#pragma once

#include "core/method/inputs.h"

#include <random>

namespace attnscope::tests {

/// Owns what its inputs() borrow: keep it alive.
struct RandomInputs {
    Tensor q, k, v;

    Inputs inputs(bool causal = false) const { return {q.view(), k.view(), v.view(), causal, 0.0F, nullptr}; }
};

inline void fillNormal(std::span<float> values, std::mt19937_64& random, float deviation = 1.0F)
{
    std::normal_distribution<float> normal(0.0F, deviation);
    for (float& x : values)
        x = normal(random);
}

/// q, k, v iid N(0, deviation²); kvHeads 0 means as many as shape.heads.
inline RandomInputs randomInputs(const Shape& s, std::uint64_t seed, float deviation = 1.0F, Index kvHeads = 0)
{
    std::mt19937_64 random(seed);
    const Index kv = kvHeads > 0 ? kvHeads : s.heads;
    RandomInputs made{Tensor(s.batch, s.heads, s.queries, s.dim), Tensor(s.batch, kv, s.keys, s.dim),
                      Tensor(s.batch, kv, s.keys, s.valueDim)};
    fillNormal(made.q.values(), random, deviation);
    fillNormal(made.k.values(), random, deviation);
    fillNormal(made.v.values(), random);
    return made;
}

} // namespace attnscope::tests
