// SPDX-License-Identifier: GPL-3.0-or-later
// Products of bfloat16 matrices by the processor's own instructions for them: AVX-512 BF16 or AMX.
#pragma once

#include "core/base/shape.h"

#include <cstdint>

namespace attnscope {

/// A bfloat16's bits: the upper half of a float32.
using Bf16 = std::uint16_t;

enum class Bf16Unit { None, Avx512, Amx };

/// The fastest one that this processor and its system have; each call answers the same.
Bf16Unit bf16Unit();

/// Columns of a product: queries lie along the vector lanes.
inline constexpr Index kBf16Columns = 64;

/// Rows of A come in blocks of so many, its depth in steps of kBf16Depth: pad with zeros.
inline constexpr Index kBf16Rows = 16;
inline constexpr Index kBf16Depth = 32;

/// C [rows, 64] (+)= A [rows, depth] B [depth, 64], sums in float32.
struct Bf16Product {
    Index rows = 0;
    Index depth = 0;
    const Bf16* a = nullptr;
    Index aStride = 0;       ///< numbers between rows of A
    const Bf16* b = nullptr; ///< [depth / 2, 64, 2]: two rows interleaved, aligned to 64 bytes
    float* c = nullptr;      ///< rows 64 apart, aligned to 64 bytes
    bool add = false;
};

/// One thread's use of a unit, which must be there: AMX wants its tiles set up and released.
class Bf16Multiplier {
public:
    explicit Bf16Multiplier(Bf16Unit unit);
    ~Bf16Multiplier();
    Bf16Multiplier(const Bf16Multiplier&) = delete;
    Bf16Multiplier& operator=(const Bf16Multiplier&) = delete;

    void multiply(const Bf16Product& product) const;

private:
    Bf16Unit m_unit;
};

/// Products in registers alone, for the unit's ceiling. Returns the floating-point operations done; `sink` as in multiplyAddLoop.
double bf16Loop(Bf16Unit unit, Index rounds, float& sink);

namespace bf16 {

// What each unit's file defines; to be called where that unit is there.
void multiplyAvx512(const Bf16Product& product);
double loopAvx512(Index rounds, float* sink);
bool allowAmx(); ///< asks the system for the tiles; false where there are none
void beginAmx();
void endAmx();
void multiplyAmx(const Bf16Product& product);
double loopAmx(Index rounds, float* sink);

} // namespace bf16

} // namespace attnscope
