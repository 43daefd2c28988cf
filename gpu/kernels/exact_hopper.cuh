// SPDX-License-Identifier: GPL-3.0-or-later
// The Hopper kernel of exact attention: one warp copies, two or three warpgroups take turns at the tensor cores.
//
// Warp specialisation, turns between warpgroups and the overlap of one block's softmax with the next block's products follow
// FlashAttention-3 (Shah et al. 2024, arXiv:2407.08608, algorithms 1 and 2).
#pragma once

#include "gpu/kernels/exact.h"
#include "gpu/kernels/exact_producer.cuh"
#include "gpu/kernels/row_sums.cuh"
#include "gpu/kernels/tensor_map.h"
#include "gpu/kernels/wgmma.h"

#include <algorithm>
#include <type_traits>

namespace attnscope::kernels::hopper {

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

struct NoExtras {
    __device__ void clear() {}
};

/// What all consumers share.
template <class C>
struct Consumer {
    const Args& a;
    const Shared<C>& shared;
    int group;
    Place<C::S> keyPlace{};
    Place<C::S> valuePlace{};
    unsigned queryParity = 0;
    [[no_unique_address]] std::conditional_t<C::withRows, RowExtras, NoExtras> extras{};

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
        maskScores(s, block * C::N, first, second - first);
    }
    __device__ void weighBlock(float (&s)[C::N / 2], Rows& rows, float scale, int block)
    {
        if constexpr (C::withRows)
            weighCounting<C::parts>(s, rows, extras, scale, block * C::N);
        else
            weigh<C::parts>(s, rows, scale);
    }
    __device__ void store(const float (&o)[C::D / 2], Rows& rows, const Tile<C>& tile, float scale);
};

template <class C>
__device__ void Consumer<C>::store(const float (&o)[C::D / 2], Rows& rows, const Tile<C>& tile, float scale)
{
    const float unscale = a.factors == nullptr ? 1.0F : 1.0F / a.factors[a.heads + a.kvHeads + a.kvHead(tile.head)];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        float sum = rows.sum[r];
        sum += __shfl_xor_sync(0xffffffffU, sum, 1);
        sum += __shfl_xor_sync(0xffffffffU, sum, 2);
        const int row = firstRow(tile) + 8 * r;
        const std::int64_t at = static_cast<std::int64_t>(tile.head) * a.queries + row;
        if constexpr (C::withRows)
            extras.write(a.rows, at, r, sum, row < a.queries && threadIdx.x % 4 == 0);
        if (row >= a.queries)
            continue;
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
    c.extras.clear();
    c.weighBlock(s, rows, scale, tile.blocks - 1);
    packWeights<typename C::T>(s, p);
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
        c.weighBlock(s, rows, scale, block);
        awaitProducts<0>();
        pin(o);
        pin(p);
        c.releaseValues();
        packWeights<typename C::T>(s, p);
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
    c.extras.clear();
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
        c.weighBlock(s, rows, scale, block);
        std::uint32_t high[C::N / 4];
        std::uint32_t low[C::N / 4];
        splitWeights(s, high, low);
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
                    p.scale * 1.4426950408889634F,
                    p.rows};
    const auto blocks = static_cast<unsigned>(std::min<Index>(multiprocessors, last - first));
    exactKernel<C><<<blocks, C::threads, C::bytes, stream>>>(maps[0], maps[1], maps[2], args);
    return cudaGetLastError();
}

} // namespace attnscope::kernels::hopper
