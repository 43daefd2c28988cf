// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compute/bf16_product.h"

#include <cassert>

namespace attnscope {

namespace {

Bf16Unit findUnit()
{
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512dq"))
        return Bf16Unit::None;
    return bf16::allowAmx() ? Bf16Unit::Amx : Bf16Unit::Avx512;
#else
    return Bf16Unit::None;
#endif
}

} // namespace

Bf16Unit bf16Unit()
{
    static const Bf16Unit unit = findUnit();
    return unit;
}

Bf16Multiplier::Bf16Multiplier(Bf16Unit unit) : m_unit(unit)
{
    assert(unit != Bf16Unit::None);
    if (m_unit == Bf16Unit::Amx)
        bf16::beginAmx();
}

Bf16Multiplier::~Bf16Multiplier()
{
    if (m_unit == Bf16Unit::Amx)
        bf16::endAmx();
}

void Bf16Multiplier::multiply(const Bf16Product& product) const
{
    assert(product.rows % kBf16Rows == 0 && product.depth % kBf16Depth == 0);
    if (m_unit == Bf16Unit::Amx)
        bf16::multiplyAmx(product);
    else
        bf16::multiplyAvx512(product);
}

double bf16Loop(Bf16Unit unit, Index rounds, float& sink)
{
    return unit == Bf16Unit::Amx ? bf16::loopAmx(rounds, &sink) : bf16::loopAvx512(rounds, &sink);
}

} // namespace attnscope
