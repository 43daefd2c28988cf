// SPDX-License-Identifier: GPL-3.0-or-later
// Exact attention on Hopper: tiles, shared memory and the warp that copies (see exact_hopper.cuh).
#pragma once

#include "gpu/kernels/hopper.h"
#include "gpu/kernels/row_statistics.h"

namespace attnscope::kernels::hopper {

struct Args {
    void* o;
    float* lse;
    const float* factors;
    int heads;     // B H
    int headsOf;   // H
    int kvHeadsOf; // Hkv
    int kvHeads;   // B Hkv
    int queries, keys, outputDim;
    int rowTiles; // tiles of queries in a head
    int firstTile, lastTile;
    float scaleLog2; // scale log2(e)
    RowStatistics rows;

    __device__ int kvHead(int head) const { return head / headsOf * kvHeadsOf + head % headsOf * kvHeadsOf / headsOf; }
};

template <class Number, int Dim, int KeyTile, int Groups, int StageCount, int PartCount, bool IsCausal, bool WithRows = false>
struct Config {
    using T = Number;
    static constexpr int D = Dim;           // columns of q, k, v with padding
    static constexpr int N = KeyTile;       // keys a step
    static constexpr int G = Groups;        // consumer warpgroups, 64 queries each
    static constexpr int M = 64 * Groups;   // queries a tile
    static constexpr int S = StageCount;    // tiles of k and of v in flight
    static constexpr int parts = PartCount; // 2: high and low halves of float32
    static constexpr bool causal = IsCausal;
    static constexpr bool withRows = WithRows; // row statistics beside the output
    static constexpr int threads = 128 * (Groups + 1);
    static constexpr int consumerRegisters = Groups == 2 ? 240 : 160;
    static constexpr int producerRegisters = Groups == 2 ? 24 : 32;
    static constexpr int keyPart = N * D; // values of one part of a key tile
    static constexpr int keyTile = parts * keyPart;
    static constexpr int queryPart = M * D;
    static constexpr std::size_t bytes = 1024 + 2 * (static_cast<std::size_t>(parts) * queryPart + 2 * S * keyTile) + 8 * (2 + 4 * S);
};

/// Where things are in shared memory; tiles of [D / 64][rows][64], swizzled by the copy engine.
template <class C>
struct Shared {
    typename C::T* q;
    typename C::T* k;
    typename C::T* v;
    Barrier* qFull;
    Barrier* qEmpty;
    Barrier* kFull;
    Barrier* kEmpty;
    Barrier* vFull;
    Barrier* vEmpty;

    __device__ explicit Shared(unsigned char* raw)
    {
        const auto base = (reinterpret_cast<std::uintptr_t>(raw) + 1023) / 1024 * 1024;
        q = reinterpret_cast<typename C::T*>(base);
        k = q + C::parts * C::queryPart;
        v = k + C::S * C::keyTile;
        qFull = reinterpret_cast<Barrier*>(v + C::S * C::keyTile);
        qEmpty = qFull + 1;
        kFull = qEmpty + 1;
        kEmpty = kFull + C::S;
        vFull = kEmpty + C::S;
        vEmpty = vFull + C::S;
    }
    __device__ void init() const
    {
        qFull->init(1);
        qEmpty->init(4 * C::G);
        for (int s = 0; s < C::S; ++s) {
            kFull[s].init(1);
            vFull[s].init(1);
            kEmpty[s].init(4 * C::G);
            vEmpty[s].init(4 * C::G);
        }
        fenceBarriers();
    }
};

/// A place in a ring of stages and the parity of its turn.
template <int Count>
struct Place {
    int stage = 0;
    unsigned parity = 0;
    __device__ void next()
    {
        if (++stage == Count) {
            stage = 0;
            parity ^= 1U;
        }
    }
};

/// One tile of queries.
template <class C>
struct Tile {
    int head, row0, blocks;

    __device__ Tile(const Args& a, int index)
    {
        // Causal: the longest tiles first, so that the last ones fill the gaps.
        head = C::causal ? index % a.heads : index / a.rowTiles;
        row0 = (C::causal ? a.rowTiles - 1 - index / a.heads : index % a.rowTiles) * C::M;
        const int seen = C::causal ? min(a.keys, min(row0 + C::M, a.queries) + a.keys - a.queries) : a.keys;
        blocks = (seen + C::N - 1) / C::N;
    }
};

/// The tiles of this block, in turn; every other round backwards, so that causal loads even out.
template <class C, class Body>
__device__ void forEachTile(const Args& a, Body body)
{
    const int grid = static_cast<int>(gridDim.x);
    const int block = static_cast<int>(blockIdx.x);
    for (int round = 0, base = a.firstTile; base < a.lastTile; ++round, base += grid) {
        const int index = base + (C::causal && round % 2 == 1 ? grid - 1 - block : block);
        if (index < a.lastTile)
            body(Tile<C>(a, index));
    }
}

template <class C>
__device__ void copyKeys(typename C::T* to, const CUtensorMap& map, Barrier& full, int row, int head, int heads)
{
    full.expect(2 * C::keyTile);
    for (int part = 0; part < C::parts; ++part)
        for (int c = 0; c < C::D / 64; ++c)
            copyBox(to + part * C::keyPart + c * C::N * 64, map, full, c * 64, row, head + part * heads);
}

template <class C>
__device__ void produce(const Args& a, const Shared<C>& shared, const CUtensorMap& qMap, const CUtensorMap& kMap, const CUtensorMap& vMap)
{
    Place<C::S> keyPlace;
    Place<C::S> valuePlace;
    unsigned queryParity = 0;
    forEachTile<C>(a, [&](const Tile<C>& tile) {
        const int kv = a.kvHead(tile.head);
        const auto sendKeys = [&](int block) {
            shared.kEmpty[keyPlace.stage].wait(keyPlace.parity ^ 1U);
            copyKeys<C>(shared.k + keyPlace.stage * C::keyTile, kMap, shared.kFull[keyPlace.stage], block * C::N, kv, a.kvHeads);
            keyPlace.next();
        };
        const auto sendValues = [&](int block) {
            shared.vEmpty[valuePlace.stage].wait(valuePlace.parity ^ 1U);
            copyKeys<C>(shared.v + valuePlace.stage * C::keyTile, vMap, shared.vFull[valuePlace.stage], block * C::N, kv, a.kvHeads);
            valuePlace.next();
        };
        shared.qEmpty->wait(queryParity ^ 1U);
        shared.qFull->expect(2 * C::parts * C::queryPart);
        for (int part = 0; part < C::parts; ++part)
            for (int c = 0; c < C::D / 64; ++c)
                copyBox(shared.q + part * C::queryPart + c * C::M * 64, qMap, *shared.qFull, c * 64, tile.row0, tile.head + part * a.heads);
        queryParity ^= 1U;
        sendKeys(tile.blocks - 1);
        for (int block = tile.blocks - 2; block >= 0; --block) {
            sendKeys(block);
            sendValues(block + 1);
        }
        sendValues(0);
    });
}

} // namespace attnscope::kernels::hopper
