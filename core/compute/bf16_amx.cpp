// SPDX-License-Identifier: GPL-3.0-or-later
// The AMX unit: tdpbf16ps multiplies tiles of 16 x 32 and 32 x 16 and adds them to 16 x 16 float32 sums.
#include "core/compute/bf16_product.h"

#if defined(__x86_64__) && defined(__linux__)
#include <atomic>
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace attnscope::bf16 {

#if defined(__x86_64__) && defined(__linux__)

#define ATTNSCOPE_AMX __attribute__((target("amx-tile,amx-bf16")))

namespace {

constexpr Index kTile = 16;                               // rows, and columns of float32
constexpr Index kDepth = kBf16Depth;                      // of one step
constexpr Index kRowBytes = 4 * kBf16Columns;             // of B (a row of pairs) and of C alike
constexpr Index kTileOfB = kDepth / 2 * 2 * kBf16Columns; // numbers of B between two steps

/// As ldtilecfg reads it.
struct TileConfig {
    std::uint8_t palette = 1;
    std::uint8_t startRow = 0;
    std::uint8_t reserved[14]{};
    std::uint16_t bytesOfRow[16]{};
    std::uint8_t rows[16]{};
};
static_assert(sizeof(TileConfig) == 64);

/// All eight tiles whole. Not on the stack: the compiler doesn't see that ldtilecfg reads more than its first word.
constexpr TileConfig kWholeTiles = [] {
    TileConfig config;
    for (int i = 0; i < 8; ++i) {
        config.rows[i] = kTile;
        config.bytesOfRow[i] = 64;
    }
    return config;
}();

/// Sums of 32 (16 where not both) rows and 32 columns: tiles 0 to 3; 4 and 5 hold A, 6 and 7 hold B.
template <bool BOTH>
ATTNSCOPE_AMX void multiplyTiles(const Bf16Product& p, Index row, Index column)
{
    float* c = p.c + row * kBf16Columns + column;
    float* below = c + kTile * kBf16Columns;
    if (p.add) {
        _tile_loadd(0, c, kRowBytes);
        _tile_loadd(1, c + kTile, kRowBytes);
        if constexpr (BOTH) {
            _tile_loadd(2, below, kRowBytes);
            _tile_loadd(3, below + kTile, kRowBytes);
        }
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    const Bf16* a = p.a + row * p.aStride;
    const Bf16* b = p.b + 2 * column;
    const Index stride = 2 * p.aStride;
    for (Index k = 0; k < p.depth; k += kDepth, a += kDepth, b += kTileOfB) {
        _tile_loadd(4, a, stride);
        _tile_loadd(6, b, kRowBytes);
        _tile_loadd(7, b + 2 * kTile, kRowBytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        if constexpr (BOTH) {
            _tile_loadd(5, a + kTile * p.aStride, stride);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, c, kRowBytes);
    _tile_stored(1, c + kTile, kRowBytes);
    if constexpr (BOTH) {
        _tile_stored(2, below, kRowBytes);
        _tile_stored(3, below + kTile, kRowBytes);
    }
}

} // namespace

bool allowAmx()
{
    constexpr long kRequestPermission = 0x1023; // ARCH_REQ_XCOMP_PERM of arch_prctl
    constexpr long kTileData = 18;              // XFEATURE_XTILEDATA
    constexpr unsigned kBf16Bit = 1U << 22;     // of cpuid 7.0's edx, as the next
    constexpr unsigned kTileBit = 1U << 24;
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kBf16Bit) != 0 && (d & kTileBit) != 0 &&
           syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

ATTNSCOPE_AMX void beginAmx() { _tile_loadconfig(&kWholeTiles); }

ATTNSCOPE_AMX void endAmx() { _tile_release(); }

ATTNSCOPE_AMX void multiplyAmx(const Bf16Product& product)
{
    for (Index column = 0; column < kBf16Columns; column += 2 * kTile) {
        Index row = 0;
        for (; row + 2 * kTile <= product.rows; row += 2 * kTile)
            multiplyTiles<true>(product, row, column);
        if (row < product.rows)
            multiplyTiles<false>(product, row, column);
    }
}

ATTNSCOPE_AMX double loopAmx(Index rounds, float* sink)
{
    alignas(64) float sums[kTile * kTile];
    beginAmx();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    for (Index r = 0; r < rounds; ++r) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, 64);
    std::atomic_signal_fence(std::memory_order_seq_cst); // the compiler doesn't see that it was written
    endAmx();
    *sink = sums[0];
    return 4.0 * 2.0 * kTile * kTile * kDepth * static_cast<double>(rounds);
}

#else

bool allowAmx() { return false; }
void beginAmx() {}
void endAmx() {}
void multiplyAmx(const Bf16Product&) {}
double loopAmx(Index, float*) { return 0.0; }

#endif

} // namespace attnscope::bf16
