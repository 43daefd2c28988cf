// SPDX-License-Identifier: GPL-3.0-or-later
// The Hopper kernel of exact attention: one warp copies, two or three warpgroups take turns at the tensor cores.
//
// Warp specialisation, turns between warpgroups and the overlap of one block's softmax with the next block's products follow
// FlashAttention-3 (Shah et al. 2024, arXiv:2407.08608, algorithms 1 and 2).
#pragma once

#include "gpu/kernels/exact.h"
#include "gpu/kernels/hopper.h"
#include "gpu/kernels/tensor_map.h"
#include "gpu/kernels/wgmma.h"

#include <algorithm>

namespace attnscope::kernels::hopper {

constexpr float kNever = -INFINITY;
constexpr float kLn2 = 0.69314718055994531F;
constexpr float kSplitShift = 10.0F; // weights of split operands are 2^10 times larger: their low parts stay clear of subnormals

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

    __device__ int kvHead(int head) const { return head / headsOf * kvHeadsOf + head % headsOf * kvHeadsOf / headsOf; }
};

template <class Number, int Dim, int KeyTile, int Groups, int StageCount, int PartCount, bool IsCausal>
struct Config {
    using T = Number;
    static constexpr int D = Dim;           // columns of q, k, v with padding
    static constexpr int N = KeyTile;       // keys a step
    static constexpr int G = Groups;        // consumer warpgroups, 64 queries each
    static constexpr int M = 64 * Groups;   // queries a tile
    static constexpr int S = StageCount;    // tiles of k and of v in flight
    static constexpr int parts = PartCount; // 2: high and low halves of float32
    static constexpr bool causal = IsCausal;
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

__device__ inline float exp2Fast(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ inline std::uint32_t pack(float low, float high, __half)
{
    const __half2 both = __floats2half2_rn(low, high);
    return *reinterpret_cast<const std::uint32_t*>(&both);
}

__device__ inline std::uint32_t pack(float low, float high, __nv_bfloat16)
{
    const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const std::uint32_t*>(&both);
}

/// s = q k^T for the 64 queries of a warpgroup: `q` and `k` point to one part each.
template <class C>
__device__ void addScores(float (&s)[C::N / 2], const typename C::T* q, const typename C::T* k, bool zero)
{
#pragma unroll
    for (int d = 0; d < C::D; d += 16)
        Wgmma<typename C::T, C::N>::shared(s, describe(q + d / 64 * C::M * 64 + d % 64, 0, 1024),
                                           describe(k + d / 64 * C::N * 64 + d % 64, 0, 1024), zero && d == 0);
}

/// o += p v.
template <class C>
__device__ void addValues(float (&o)[C::D / 2], const std::uint32_t (&p)[C::N / 4], const typename C::T* v, bool zero)
{
#pragma unroll
    for (int n = 0; n < C::N; n += 16)
        Wgmma<typename C::T, C::D>::registers(o, p + n / 4, describe(v + n * 64, C::N * 128, 1024), zero && n == 0);
}

/// What a thread keeps of its two rows (lane / 4 and 8 below it) of a warpgroup's 64.
struct Rows {
    float top[2];
    float sum[2];
    float shrink[2];
};

/// Cells that are masked or beyond the keys become kNever. `limit`: keys that the thread's first row sees; `step`: how many more its
/// second one does.
template <class C>
__device__ void maskScores(float (&s)[C::N / 2], int key0, int limit, int step)
{
    const int key = key0 + static_cast<int>(threadIdx.x % 4) * 2;
#pragma unroll
    for (int i = 0; i < C::N / 2; ++i)
        if (key + i / 4 * 8 + i % 2 >= limit + (i % 4 / 2) * step)
            s[i] = kNever;
}

/// s becomes exp2(scale (s - top)), and the sums go on.
template <class C>
__device__ void weigh(float (&s)[C::N / 2], Rows& rows, float scale)
{
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        float top = rows.top[r];
#pragma unroll
        for (int i = 2 * r; i < C::N / 2; i += 4)
            top = fmaxf(top, fmaxf(s[i], s[i + 1]));
        top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
        top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2));
        const float base = (top == kNever ? 0.0F : top) * scale - (C::parts == 2 ? kSplitShift : 0.0F);
        rows.shrink[r] = exp2Fast((rows.top[r] - (top == kNever ? 0.0F : top)) * scale);
        rows.top[r] = top;
        float sum = 0.0F;
#pragma unroll
        for (int i = 2 * r; i < C::N / 2; i += 4) {
            s[i] = exp2Fast(fmaf(s[i], scale, -base));
            s[i + 1] = exp2Fast(fmaf(s[i + 1], scale, -base));
            sum += s[i] + s[i + 1];
        }
        rows.sum[r] = fmaf(rows.sum[r], rows.shrink[r], sum);
    }
}

template <class C>
__device__ void packWeights(const float (&s)[C::N / 2], std::uint32_t (&p)[C::N / 4])
{
#pragma unroll
    for (int i = 0; i < C::N / 4; ++i)
        p[i] = pack(s[2 * i], s[2 * i + 1], typename C::T{});
}

/// o times the rows' factors.
template <int Count>
__device__ void rescale(float (&o)[Count], const float (&by)[2])
{
#pragma unroll
    for (int i = 0; i < Count; ++i)
        o[i] *= by[i % 4 / 2];
}

/// What all consumers share.
template <class C>
struct Consumer {
    const Args& a;
    const Shared<C>& shared;
    int group;
    Place<C::S> keyPlace{};
    Place<C::S> valuePlace{};
    unsigned queryParity = 0;

    __device__ bool leads() const { return threadIdx.x % 32 == 0; }
    __device__ const typename C::T* q() const { return shared.q + group * 64 * 64; }
    __device__ const typename C::T* k() const { return shared.k + keyPlace.stage * C::keyTile; }
    __device__ const typename C::T* v() const { return shared.v + valuePlace.stage * C::keyTile; }
    __device__ void awaitKeys() const { shared.kFull[keyPlace.stage].wait(keyPlace.parity); }
    __device__ void awaitValues() const { shared.vFull[valuePlace.stage].wait(valuePlace.parity); }
    __device__ void releaseKeys()
    {
        if (leads())
            shared.kEmpty[keyPlace.stage].arrive();
        keyPlace.next();
    }
    __device__ void releaseValues()
    {
        if (leads())
            shared.vEmpty[valuePlace.stage].arrive();
        valuePlace.next();
    }
    __device__ void releaseQueries() const
    {
        if (leads())
            shared.qEmpty->arrive();
    }
    __device__ void awaitTurn() const { syncNamed(1 + group, 256); }
    __device__ void passTurn() const { arriveNamed(1 + (group + 1) % C::G, 256); }
    __device__ int firstRow(const Tile<C>& tile) const
    {
        return tile.row0 + group * 64 + static_cast<int>(threadIdx.x % 128) / 32 * 16 + static_cast<int>(threadIdx.x % 32) / 4;
    }

    /// Masks block `block` where it has to be.
    __device__ void mask(float (&s)[C::N / 2], const Tile<C>& tile, int block) const
    {
        const int past = a.keys - a.queries;
        const int everyRowSees = C::causal ? min(a.keys, tile.row0 + group * 64 + 1 + past) : a.keys;
        if ((block + 1) * C::N <= everyRowSees)
            return;
        const int row = firstRow(tile);
        const int first = C::causal ? min(a.keys, row + 1 + past) : a.keys;
        const int second = C::causal ? min(a.keys, row + 9 + past) : a.keys;
        maskScores<C>(s, block * C::N, first, second - first);
    }
    __device__ void store(const float (&o)[C::D / 2], Rows& rows, const Tile<C>& tile, float scale) const;
};

template <class C>
__device__ void Consumer<C>::store(const float (&o)[C::D / 2], Rows& rows, const Tile<C>& tile, float scale) const
{
    const float unscale = a.factors == nullptr ? 1.0F : 1.0F / a.factors[a.heads + a.kvHeads + a.kvHead(tile.head)];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        float sum = rows.sum[r];
        sum += __shfl_xor_sync(0xffffffffU, sum, 1);
        sum += __shfl_xor_sync(0xffffffffU, sum, 2);
        const int row = firstRow(tile) + 8 * r;
        if (row >= a.queries)
            continue;
        const std::int64_t at = static_cast<std::int64_t>(tile.head) * a.queries + row;
        if (a.lse != nullptr && threadIdx.x % 4 == 0)
            a.lse[at] = (rows.top[r] * scale - (C::parts == 2 ? kSplitShift : 0.0F)) * kLn2 + logf(sum);
        const float by = unscale / sum;
#pragma unroll
        for (int i = 2 * r; i < C::D / 2; i += 4) {
            const int col = i / 4 * 8 + static_cast<int>(threadIdx.x % 4) * 2;
            for (int e = 0; e < 2; ++e) {
                if (col + e >= a.outputDim)
                    continue;
                if (a.factors != nullptr)
                    static_cast<float*>(a.o)[at * a.outputDim + col + e] = o[i + e] * by;
                else
                    static_cast<typename C::T*>(a.o)[at * a.outputDim + col + e] = static_cast<typename C::T>(o[i + e] * by);
            }
        }
    }
}

/// One tile with one part: the softmax of a block runs while the products of the next scores and of the last weights do.
template <class C>
__device__ void consumeTile(Consumer<C>& c, const Tile<C>& tile, float scale)
{
    float s[C::N / 2];
    float o[C::D / 2];
    std::uint32_t p[C::N / 4];
    Rows rows{{kNever, kNever}, {0.0F, 0.0F}, {0.0F, 0.0F}};
    c.awaitKeys();
    beginProducts();
    addScores<C>(s, c.q(), c.k(), true);
    commitProducts();
    awaitProducts<0>();
    pin(s);
    c.releaseKeys();
    c.mask(s, tile, tile.blocks - 1);
    weigh<C>(s, rows, scale);
    packWeights<C>(s, p);
    bool first = true;
    for (int block = tile.blocks - 2; block >= 0; --block) {
        c.awaitKeys();
        c.awaitTurn();
        pin(s);
        pin(p);
        pin(o);
        beginProducts();
        addScores<C>(s, c.q(), c.k(), true);
        commitProducts();
        c.awaitValues();
        beginProducts();
        addValues<C>(o, p, c.v(), first);
        commitProducts();
        c.passTurn();
        first = false;
        awaitProducts<1>();
        pin(s);
        c.releaseKeys();
        c.mask(s, tile, block);
        weigh<C>(s, rows, scale);
        awaitProducts<0>();
        pin(o);
        pin(p);
        c.releaseValues();
        packWeights<C>(s, p);
        if (__any_sync(0xffffffffU, rows.shrink[0] != 1.0F || rows.shrink[1] != 1.0F))
            rescale(o, rows.shrink);
    }
    c.releaseQueries();
    c.awaitValues();
    pin(o);
    pin(p);
    beginProducts();
    addValues<C>(o, p, c.v(), first);
    commitProducts();
    awaitProducts<0>();
    pin(o);
    c.releaseValues();
    c.store(o, rows, tile, scale);
}

/// One tile of split operands: three products each, smallest first, and a fresh sum per block: the tensor cores cut off what they add,
/// which over many blocks would bias the output.
template <class C>
__device__ void consumeSplitTile(Consumer<C>& c, const Tile<C>& tile, float scale)
{
    float o[C::D / 2] = {};
    Rows rows{{kNever, kNever}, {0.0F, 0.0F}, {0.0F, 0.0F}};
    for (int block = tile.blocks - 1; block >= 0; --block) {
        float s[C::N / 2];
        c.awaitKeys();
        c.awaitTurn();
        pin(s);
        beginProducts();
        addScores<C>(s, c.q() + C::queryPart, c.k(), true);
        addScores<C>(s, c.q(), c.k() + C::keyPart, false);
        addScores<C>(s, c.q(), c.k(), false);
        commitProducts();
        c.passTurn();
        awaitProducts<0>();
        pin(s);
        c.releaseKeys();
        if (block == 0)
            c.releaseQueries();
        c.mask(s, tile, block);
        weigh<C>(s, rows, scale);
        std::uint32_t high[C::N / 4];
        std::uint32_t low[C::N / 4];
#pragma unroll
        for (int i = 0; i < C::N / 4; ++i) {
            const __half2 near = __floats2half2_rn(s[2 * i], s[2 * i + 1]);
            high[i] = *reinterpret_cast<const std::uint32_t*>(&near);
            low[i] = pack(s[2 * i] - __low2float(near), s[2 * i + 1] - __high2float(near), __half{});
        }
        float fresh[C::D / 2];
        c.awaitValues();
        pin(fresh);
        pin(high);
        pin(low);
        beginProducts();
        addValues<C>(fresh, low, c.v(), true);
        addValues<C>(fresh, high, c.v() + C::keyPart, false);
        addValues<C>(fresh, high, c.v(), false);
        commitProducts();
        awaitProducts<0>();
        pin(fresh);
        c.releaseValues();
#pragma unroll
        for (int i = 0; i < C::D / 2; ++i)
            o[i] = fmaf(o[i], rows.shrink[i % 4 / 2], fresh[i]);
    }
    c.store(o, rows, tile, scale);
}

template <class C>
__global__ void __launch_bounds__(C::threads, 1)
    exactKernel(const __grid_constant__ CUtensorMap qMap, const __grid_constant__ CUtensorMap kMap,
                const __grid_constant__ CUtensorMap vMap, const Args a)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    extern __shared__ unsigned char raw[];
    const Shared<C> shared(raw);
    if (threadIdx.x == 0)
        shared.init();
    __syncthreads();
    const int role = static_cast<int>(threadIdx.x) / 128;
    if (role == 0) {
        giveUpRegisters<C::producerRegisters>();
        if (threadIdx.x == 0)
            produce<C>(a, shared, qMap, kMap, vMap);
    } else {
        takeRegisters<C::consumerRegisters>();
        Consumer<C> consumer{a, shared, role - 1};
        if (consumer.group == C::G - 1)
            consumer.passTurn(); // the first warpgroup's first turn
        forEachTile<C>(a, [&](const Tile<C>& tile) {
            shared.qFull->wait(consumer.queryParity);
            consumer.queryParity ^= 1U;
            float scale = a.scaleLog2;
            if (a.factors != nullptr)
                scale /= a.factors[tile.head] * a.factors[a.heads + a.kvHead(tile.head)];
            if constexpr (C::parts == 2)
                consumeSplitTile(consumer, tile, scale);
            else
                consumeTile(consumer, tile, scale);
        });
    }
#endif
}

/// Tiles [first, last) of a problem on the current device.
template <class C>
cudaError_t launchConfig(const ExactProblem& p, Index first, Index last, int multiprocessors, cudaStream_t stream)
{
    const Shape& s = p.shape;
    CUtensorMap maps[3];
    const Index heads = s.batch * s.heads;
    const Index kvHeads = s.batch * p.kvHeads;
    auto status = makeTensorMap(maps[0], p.q, p.isHalf, heads * p.parts, s.queries, s.dim, C::M);
    if (status == cudaSuccess)
        status = makeTensorMap(maps[1], p.k, p.isHalf, kvHeads * p.parts, s.keys, s.dim, C::N);
    if (status == cudaSuccess)
        status = makeTensorMap(maps[2], p.v, p.isHalf, kvHeads * p.parts, s.keys, s.valueDim, C::N);
    if (status == cudaSuccess)
        status = cudaFuncSetAttribute(exactKernel<C>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(C::bytes));
    if (status != cudaSuccess)
        return status;
    const auto number = [](Index x) { return static_cast<int>(x); };
    const Args args{p.o,
                    p.lse,
                    p.factors,
                    number(heads),
                    number(s.heads),
                    number(p.kvHeads),
                    number(kvHeads),
                    number(s.queries),
                    number(s.keys),
                    number(p.outputDim),
                    number((s.queries + C::M - 1) / C::M),
                    number(first),
                    number(last),
                    p.scale * 1.4426950408889634F};
    const auto blocks = static_cast<unsigned>(std::min<Index>(multiprocessors, last - first));
    exactKernel<C><<<blocks, C::threads, C::bytes, stream>>>(maps[0], maps[1], maps[2], args);
    return cudaGetLastError();
}

} // namespace attnscope::kernels::hopper
