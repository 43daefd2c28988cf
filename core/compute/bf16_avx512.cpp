// SPDX-License-Identifier: GPL-3.0-or-later
// The AVX-512 BF16 unit: vdpbf16ps multiplies 16 pairs and adds them to 16 float32 sums.
#include "core/compute/bf16_product.h"

#if defined(__x86_64__)
#include <cstring>
#include <immintrin.h>
#endif

namespace attnscope::bf16 {

#if defined(__x86_64__)

#define ATTNSCOPE_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

namespace {

constexpr Index kVectors = 4; // of 16 columns
constexpr Index kLanes = 16;

/// R rows of all 64 columns: 4 R sums of the 32 registers.
template <int R>
ATTNSCOPE_AVX512_BF16 inline void multiplyRows(const Bf16Product& p, Index row)
{
    __m512 sums[R][kVectors];
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j)
            sums[i][j] = p.add ? _mm512_load_ps(p.c + (row + i) * kBf16Columns + j * kLanes) : _mm512_setzero_ps();
    const Bf16* a = p.a + row * p.aStride;
    const Bf16* b = p.b;
    for (Index k = 0; k < p.depth; k += 2, a += 2, b += 2 * kBf16Columns) {
        __m512i pairs[kVectors];
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j)
            pairs[j] = _mm512_load_si512(b + 2 * j * kLanes);
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) {
            std::int32_t pair = 0;
            std::memcpy(&pair, a + i * p.aStride, sizeof(pair));
            const auto both = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
#pragma GCC unroll 4
            for (int j = 0; j < kVectors; ++j)
                sums[i][j] = _mm512_dpbf16_ps(sums[i][j], both, reinterpret_cast<__m512bh>(pairs[j]));
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j)
            _mm512_store_ps(p.c + (row + i) * kBf16Columns + j * kLanes, sums[i][j]);
}

} // namespace

ATTNSCOPE_AVX512_BF16 void multiplyAvx512(const Bf16Product& product)
{
    Index row = 0;
    for (; row + 6 <= product.rows; row += 6)
        multiplyRows<6>(product, row);
    for (; row + 2 <= product.rows; row += 2) // rows are a multiple of 16: 2 or 4 are left
        multiplyRows<2>(product, row);
}

ATTNSCOPE_AVX512_BF16 double loopAvx512(Index rounds, float* sink)
{
    constexpr int kChains = 24;
    __m512 chains[kChains];
    const auto ones = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f00)); // one half: the sums grow slowly
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i)
        chains[i] = _mm512_set1_ps(static_cast<float>(i));
    for (Index r = 0; r < rounds; ++r) {
#pragma GCC unroll 24
        for (auto& chain : chains)
            chain = _mm512_dpbf16_ps(chain, ones, ones);
    }
    __m512 sum = _mm512_setzero_ps();
#pragma GCC unroll 24
    for (const auto& chain : chains)
        sum = _mm512_add_ps(sum, chain);
    alignas(64) float lanes[kLanes];
    _mm512_store_ps(lanes, sum);
    *sink = lanes[0];
    return 4.0 * kLanes * kChains * static_cast<double>(rounds);
}

#else

void multiplyAvx512(const Bf16Product&) {}
double loopAvx512(Index, float*) { return 0.0; }

#endif

} // namespace attnscope::bf16
