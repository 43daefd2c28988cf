// SPDX-License-Identifier: GPL-3.0-or-later
// Tiles of 192 x 128 cells of a map on Hopper: one warp copies, three warpgroups multiply and hand their cells to an Epilogue (strip.cuh).
#pragma once

#include "gpu/kernels/exact_producer.cuh"
#include "gpu/kernels/strip.cuh"
#include "gpu/kernels/tensor_map.h"
#include "gpu/kernels/wgmma.h"

namespace attnscope::kernels::hopper {

constexpr int kMapGroups = 3;
constexpr int kMapRows = 64 * kMapGroups;
constexpr int kMapThreads = 128 * (kMapGroups + 1);
constexpr int kLeftChunk = kMapRows * 64;

/// The operands as the copy engine sees them; in two parts a "head" each.
struct StripMaps {
    CUtensorMap left[2];
    CUtensorMap right[2];
    int chunks[2];
    int termCount;
    __device__ int all() const { return chunks[0] + (termCount == 2 ? chunks[1] : 0); }
};

template <int Parts>
cudaError_t makeStripMaps(const Strip<__half, Parts>& strip, StripMaps& maps)
{
    maps.termCount = strip.termCount;
    for (int t = 0; t < strip.termCount; ++t) {
        const auto& term = strip.terms[t];
        maps.chunks[t] = term.chunks();
        auto status = makeTensorMap(maps.left[t], term.left, true, Parts, term.rows, term.width, kMapRows);
        if (status == cudaSuccess)
            status = makeTensorMap(maps.right[t], term.right, true, Parts, term.cols, term.width, kTile);
        if (status != cudaSuccess)
            return status;
    }
    return cudaSuccess;
}

/// Chunks of the right operand in flight.
template <int Parts>
inline constexpr int kRing = Parts == 2 ? 3 : 4;

/// Bytes of shared memory of a strip.
template <int Parts>
constexpr std::size_t stripBytes(int chunks)
{
    return 1024 + 2 * Parts *
                      (static_cast<std::size_t>(kLeftChunk) * static_cast<std::size_t>(chunks) + std::size_t{kChunk} * kRing<Parts>)+8 *
                      (1 + 2 * kRing<Parts>);
}

/// Where things are in shared memory.
template <int Parts>
struct StripShared {
    __half* left;   // [chunks][parts][192 x 64]
    __half* stages; // [stages][parts][128 x 64]
    Barrier* leftFull;
    Barrier* full;
    Barrier* empty;

    __device__ StripShared(unsigned char* raw, int chunks)
    {
        left = reinterpret_cast<__half*>((reinterpret_cast<std::uintptr_t>(raw) + 1023) / 1024 * 1024);
        stages = left + chunks * Parts * kLeftChunk;
        leftFull = reinterpret_cast<Barrier*>(stages + kRing<Parts> * Parts * kChunk);
        full = leftFull + 1;
        empty = full + kRing<Parts>;
    }
    __device__ void init() const
    {
        leftFull->init(1);
        for (int s = 0; s < kRing<Parts>; ++s) {
            full[s].init(1);
            empty[s].init(4 * kMapGroups);
        }
        fenceBarriers();
    }
};

template <int Parts>
__device__ void produceStrip(const StripMaps& maps, const StripShared<Parts>& shared, Index row0, Index col0, int tiles)
{
    shared.leftFull->expect(2 * Parts * kLeftChunk * maps.all());
    __half* to = shared.left;
    for (int t = 0; t < maps.termCount; ++t)
        for (int c = 0; c < maps.chunks[t]; ++c)
            for (int p = 0; p < Parts; ++p, to += kLeftChunk)
                copyBox(to, maps.left[t], *shared.leftFull, c * 64, static_cast<int>(row0), p);
    Place<kRing<Parts>> place;
    for (int tile = 0; tile < tiles; ++tile)
        for (int t = 0; t < maps.termCount; ++t)
            for (int c = 0; c < maps.chunks[t]; ++c) {
                shared.empty[place.stage].wait(place.parity ^ 1U);
                shared.full[place.stage].expect(2 * Parts * kChunk);
                for (int p = 0; p < Parts; ++p)
                    copyBox(shared.stages + (place.stage * Parts + p) * kChunk, maps.right[t], shared.full[place.stage], c * 64,
                            static_cast<int>(col0) + tile * kTile, p);
                place.next();
            }
}

/// acc (+)= left right^T of one chunk of 64 columns.
__device__ inline void addChunk(float (&acc)[kTile / 2], const __half* left, const __half* right, bool zero)
{
#pragma unroll
    for (int k = 0; k < 64; k += 16)
        Wgmma<__half, kTile>::shared(acc, describe(left + k, 0, 1024), describe(right + k, 0, 1024), zero && k == 0);
}

/// All chunks of one term, with a chunk's place given back when the next one's products are under way.
template <int Parts>
__device__ void multiplyTerm(float (&acc)[kTile / 2], const StripShared<Parts>& shared, const __half* left, int chunks, bool zero,
                             Place<kRing<Parts>>& place)
{
    pin(acc);
    for (int c = 0; c < chunks; ++c) {
        const __half* a = left + c * Parts * kLeftChunk;
        const __half* b = shared.stages + place.stage * Parts * kChunk;
        shared.full[place.stage].wait(place.parity);
        beginProducts();
        if constexpr (Parts == 2) {
            addChunk(acc, a + kLeftChunk, b, zero && c == 0);
            addChunk(acc, a, b + kChunk, false);
        }
        addChunk(acc, a, b, Parts == 1 && zero && c == 0);
        commitProducts();
        awaitProducts<0>();
        if (threadIdx.x % 32 == 0)
            shared.empty[place.stage].arrive();
        place.next();
    }
    pin(acc);
}

template <int Parts, class Epilogue>
__device__ void consumeStrip(const StripMaps& maps, const StripShared<Parts>& shared, Index row0, Index col0, int tiles, Epilogue& epilogue)
{
    const int group = static_cast<int>(threadIdx.x) / 128 - 1;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const Index row = row0 + group * 64 + static_cast<int>(threadIdx.x) % 128 / 32 * 16 + lane / 4;
    const __half* left = shared.left + group * 64 * 64;
    Place<kRing<Parts>> place;
    float acc[kTile / 2];
    shared.leftFull->wait(0);
    for (int tile = 0; tile < tiles; ++tile) {
        const Index col = col0 + static_cast<Index>(tile) * kTile + lane % 4 * 2;
        multiplyTerm<Parts>(acc, shared, left, maps.chunks[0], true, place);
        if (maps.termCount == 2) {
            epilogue.betweenTerms(acc, row, col);
            multiplyTerm<Parts>(acc, shared, left + maps.chunks[0] * Parts * kLeftChunk, maps.chunks[1], false, place);
        }
        epilogue.tile(acc, row, col);
    }
    epilogue.end(row);
}

/// As kernels::runStrip, for blocks of kMapThreads.
template <int Parts, class Epilogue>
__device__ void runStrip(const StripMaps& maps, const StripArea& area, Epilogue& epilogue)
{
    extern __shared__ unsigned char raw[];
    const StripShared<Parts> shared(raw, maps.all());
    if (threadIdx.x == 0)
        shared.init();
    __syncthreads();
    const Index row0 = area.row0 + static_cast<Index>(blockIdx.x) * kMapRows;
    const Index col0 = area.col0 + static_cast<Index>(blockIdx.y) * area.tilesPerBlock * kTile;
    const Index colEnd = epilogue.lastCol(row0, kMapRows, area);
    const int tiles = static_cast<int>(max(Index{0}, min(static_cast<Index>(area.tilesPerBlock), (colEnd - col0 + kTile - 1) / kTile)));
    if (threadIdx.x < 128) {
        giveUpRegisters<32>();
        if (threadIdx.x == 0)
            produceStrip<Parts>(maps, shared, row0, col0, tiles);
    } else {
        takeRegisters<160>();
        consumeStrip<Parts>(maps, shared, row0, col0, tiles, epilogue);
    }
}

} // namespace attnscope::kernels::hopper
