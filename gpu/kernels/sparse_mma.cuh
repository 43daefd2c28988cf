// SPDX-License-Identifier: GPL-3.0-or-later
// One block's work on a tile of queries and its list of keys (mma.sync, sm_80 and newer): see sparse_mma.cu.
#pragma once

#include "gpu/kernels/mma.cuh"
#include "gpu/kernels/softmax_rows.cuh"
#include "gpu/kernels/sparse.h"

namespace attnscope::kernels {

constexpr int kSparseWarps = kSparseQueries / 16;
constexpr int kSparseThreads = 32 * kSparseWarps;
constexpr int kNoKey = std::numeric_limits<int>::max();
constexpr float kSelfLogit = -5e4F; // as the CPU has it

struct SparseArgs {
    SparseProblem p;
    Index partQ, partK, partV; // numbers from a high part to its low part
    int heads, kvHeads, queries, keys, dim, valueDim;
    Index firstTile;
    float scaleLog2;
};

template <class Number, int Dim, int ValueDim, int KeyTile, int PartCount, int StageCount, int BlocksOfProcessor>
struct SparseConfig {
    using T = Number;
    static constexpr int D = Dim;
    static constexpr int V = ValueDim; // columns of v that a block takes; blockIdx.y says which
    static constexpr int N = KeyTile;
    static constexpr int parts = PartCount;
    static constexpr int stages = StageCount;
    static constexpr int residents = BlocksOfProcessor; // blocks at a time on a multiprocessor, at least
    static constexpr int queryPart = kSparseQueries * D;
    static constexpr int keyPart = N * D;
    static constexpr int valuePart = N * V;
    static constexpr int stage = parts * (keyPart + valuePart);
    static constexpr std::size_t bytes =
        sizeof(T) * static_cast<std::size_t>(parts * queryPart + stages * stage) + stages * N * sizeof(int);
};

__device__ inline void copySixteen(void* to, const void* from, bool inside)
{
    const auto at = static_cast<std::uint32_t>(__cvta_generic_to_shared(to));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(inside ? 16 : 0) : "memory");
}

/// Columns [col0, col0 + Cols) of one row, all parts; this thread takes piece `piece` of each 64 columns. row < 0: zeros.
template <int Rows, int Cols, int Parts, class T>
__device__ void copyRow(T* tile, int at, int piece, const T* from, Index part, int row, int col0, int width)
{
#pragma unroll
    for (int p = 0; p < Parts; ++p)
#pragma unroll
        for (int c = 0; c < Cols / 64; ++c) {
            const int col = col0 + c * 64 + piece * 8;
            const bool inside = row >= 0 && col < width;
            copySixteen(tile + p * Rows * Cols + placeOf(at, c * 8 + piece, Rows),
                        inside ? from + p * part + static_cast<Index>(row) * width + col : from, inside);
        }
}

/// The key at place t of the tile's list.
__device__ inline int keyAt(const SparseProblem& p, const SparseTile& tile, int t)
{
    t += t >= tile.jump ? tile.leap : 0;
    if (p.keys == nullptr)
        return tile.first + t;
    return p.span == 1 ? p.keys[tile.list + t] : p.keys[tile.list + t / p.span] * p.span + t % p.span;
}

/// What a query sees.
struct Sight {
    int begin, end, floor, place;
    __device__ Sight(const SparseMask& m, int query, int keys)
    {
        place = query + m.offset;
        const bool global = place >= 0 && place < m.globals;
        floor = min(max(place - m.reach, 0), keys);
        begin = global ? floor : min(max(place - m.before, 0), keys);
        end = min(max(place + 1 + (global ? m.globalAfter : m.after), 0), keys);
    }
    __device__ bool sees(int key, int globals) const { return key < end && key >= floor && (key >= begin || key < globals); }
};

/// What the 16 queries of a warp see in all, and in common: most chunks need no look at each cell, and some none at all.
struct WarpBand {
    int firstOfAny, lastOfAny, firstOfAll, lastOfAll, globals;
    bool byCell;
    __device__ WarpBand(const SparseMask& m, const int (&query)[2], const Sight& upper, const Sight& lower)
        : globals(m.globals), byCell(m.selfLast || m.unordered)
    {
        const int none[4] = {kNoKey, 0, 0, kNoKey};
        int one[4] = {upper.begin, upper.end, upper.begin, upper.end};
        int two[4] = {lower.begin, lower.end, lower.begin, lower.end};
        for (int i = 0; i < 4; ++i) {
            one[i] = query[0] < 0 ? none[i] : one[i];
            two[i] = query[1] < 0 ? none[i] : two[i];
        }
        firstOfAny = __reduce_min_sync(0xffffffffU, min(one[0], two[0]));
        lastOfAny = __reduce_max_sync(0xffffffffU, max(one[1], two[1]));
        firstOfAll = __reduce_max_sync(0xffffffffU, max(one[2], two[2]));
        lastOfAll = __reduce_min_sync(0xffffffffU, min(one[3], two[3]));
    }
    /// Of a chunk with these keys at its ends.
    __device__ bool covers(int first, int last) const { return !byCell && first >= firstOfAll && last < lastOfAll; }
    __device__ bool misses(int first, int last) const
    {
        return !byCell && first >= globals && (first >= lastOfAny || (last != kNoKey && last < firstOfAny));
    }
};

template <int N>
__device__ void maskList(float (&s)[N / 2], const int* ids, const SparseMask& mask, const Sight& upper, const Sight& lower, float selfScore)
{
#pragma unroll
    for (int i = 0; i < N / 2; ++i) {
        const int key = ids[i / 4 * 8 + static_cast<int>(threadIdx.x % 4) * 2 + i % 2];
        const Sight& sight = i % 4 < 2 ? upper : lower;
        if (!sight.sees(key, mask.globals))
            s[i] = kNever;
        else if (mask.selfLast && key == sight.place)
            s[i] = selfScore;
    }
}

template <class C>
__device__ void sparseScores(float (&s)[C::N / 2], const typename C::T* q, const typename C::T* k)
{
    const int row = static_cast<int>(threadIdx.x) / 32 * 16;
    if constexpr (C::parts == 2) {
        addProducts<C::N, kSparseQueries, C::D / 64>(s, q + C::queryPart, row, k);
        addProducts<C::N, kSparseQueries, C::D / 64>(s, q, row, k + C::keyPart);
    }
    addProducts<C::N, kSparseQueries, C::D / 64>(s, q, row, k);
}

/// o = o shrink + p v.
template <class C>
__device__ void addSparseValues(float (&o)[C::V / 2], const float (&s)[C::N / 2], const Rows& rows, const typename C::T* v)
{
    if constexpr (C::parts == 2) {
        std::uint32_t high[C::N / 4];
        std::uint32_t low[C::N / 4];
        splitWeights(s, high, low);
        float fresh[C::V / 2] = {};
        addWeighted<C::N, C::V>(fresh, low, v);
        addWeighted<C::N, C::V>(fresh, high, v + C::valuePart);
        addWeighted<C::N, C::V>(fresh, high, v);
#pragma unroll
        for (int i = 0; i < C::V / 2; ++i)
            o[i] = fmaf(o[i], rows.shrink[i % 4 / 2], fresh[i]);
    } else {
        std::uint32_t p[C::N / 4];
        packWeights<typename C::T>(s, p);
        rescale(o, rows.shrink);
        addWeighted<C::N, C::V>(o, p, v);
    }
}

/// Two neighbouring numbers, where `second` at once.
template <class T>
__device__ void storePair(T* to, float x, float y, bool second, bool aligned)
{
    if constexpr (sizeof(T) == 2) {
        if (aligned) {
            *reinterpret_cast<std::uint32_t*>(to) = pack(x, y, T{});
            return;
        }
    }
    to[0] = static_cast<T>(x);
    if (second)
        to[1] = static_cast<T>(y);
}

template <class C>
__device__ void storeSparse(const SparseArgs& a, const SparseTile& tile, const float (&o)[C::V / 2], const Rows& rows, int kv, int query,
                            int within, int r, float scale)
{
    const ExactProblem& e = a.p.exact;
    float sum = rows.sum[r];
    sum += __shfl_xor_sync(0xffffffffU, sum, 1);
    sum += __shfl_xor_sync(0xffffffffU, sum, 2);
    if (query < 0)
        return;
    const int outputDim = static_cast<int>(e.outputDim);
    const float unscale = e.factors == nullptr ? 1.0F : 1.0F / e.factors[a.heads + a.kvHeads + kv];
    const float inverse = sum > 0.0F ? unscale / sum : 0.0F;
    const Index answer = static_cast<Index>(tile.answer) + within;
    const Index at = (tile.answer >= 0 ? answer : static_cast<Index>(tile.head) * a.queries + query) * outputDim;
    const bool even = outputDim % 2 == 0;
    if (tile.answer >= 0 && threadIdx.x % 4 == 0 && blockIdx.y == 0)
        a.p.masses[answer] = sum > 0.0F ? (rows.top[r] * scale - (C::parts == 2 ? kSplitShift : 0.0F)) * kLn2 + logf(sum) : -INFINITY;
#pragma unroll
    for (int i = 2 * r; i < C::V / 2; i += 4) {
        const int col = static_cast<int>(blockIdx.y) * C::V + i / 4 * 8 + static_cast<int>(threadIdx.x % 4) * 2;
        if (col >= outputDim)
            continue;
        const float x = o[i] * inverse;
        const float y = o[i + 1] * inverse;
        if (tile.answer >= 0)
            storePair(a.p.answers + at + col, x, y, col + 1 < outputDim, false);
        else if (e.factors != nullptr)
            storePair(static_cast<float*>(e.o) + at + col, x, y, col + 1 < outputDim, false);
        else
            storePair(static_cast<typename C::T*>(e.o) + at + col, x, y, col + 1 < outputDim, even);
    }
}

template <class C>
struct SparseCopies {
    using T = typename C::T;
    const SparseArgs& a;
    const SparseTile& tile;
    const T* k;
    const T* v;
    T* stages;
    int* ids;

    __device__ void start(int chunk) const
    {
        const int t0 = tile.from + chunk * C::N;
        if (t0 < tile.to) {
            T* to = stages + chunk % C::stages * C::stage;
            const int piece = static_cast<int>(threadIdx.x) % 8;
#pragma unroll
            for (int at = static_cast<int>(threadIdx.x) / 8; at < C::N; at += kSparseThreads / 8) {
                const int key = t0 + at < tile.to ? keyAt(a.p, tile, t0 + at) : -1;
                if (piece == 0)
                    ids[chunk % C::stages * C::N + at] = key < 0 ? kNoKey : key;
                copyRow<C::N, C::D, C::parts>(to, at, piece, k, a.partK, key, 0, a.dim);
                copyRow<C::N, C::V, C::parts>(to + C::parts * C::keyPart, at, piece, v, a.partV, key, static_cast<int>(blockIdx.y) * C::V,
                                              a.valueDim);
            }
        }
        commitCopies();
    }
};

template <class C>
__global__ void __launch_bounds__(kSparseThreads, C::residents) sparseKernel(const SparseArgs a)
{
    using T = typename C::T;
    extern __shared__ __align__(16) unsigned char raw[];
    T* q = reinterpret_cast<T*>(raw);
    T* stages = q + C::parts * C::queryPart;
    int* ids = reinterpret_cast<int*>(stages + C::stages * C::stage);
    const SparseTile tile = a.p.tiles[a.firstTile + blockIdx.x];
    const ExactProblem& e = a.p.exact;
    const int headsOf = static_cast<int>(e.shape.heads);
    const int kvHeadsOf = static_cast<int>(e.kvHeads);
    const int kv = tile.head / headsOf * kvHeadsOf + tile.head % headsOf * kvHeadsOf / headsOf;
    const SparseCopies<C> copies{a,
                                 tile,
                                 static_cast<const T*>(e.k) + static_cast<Index>(kv) * a.keys * a.dim,
                                 static_cast<const T*>(e.v) + static_cast<Index>(kv) * a.keys * a.valueDim,
                                 stages,
                                 ids};
    const auto queryAt = [&](int within) {
        return within >= tile.rows ? -1 : a.p.rows == nullptr ? tile.row + within : a.p.rows[tile.row + within];
    };
    const T* queries = static_cast<const T*>(e.q) + static_cast<Index>(tile.head) * a.queries * a.dim;
    for (int at = static_cast<int>(threadIdx.x) / 8; at < kSparseQueries; at += kSparseThreads / 8)
        copyRow<kSparseQueries, C::D, C::parts>(q, at, static_cast<int>(threadIdx.x) % 8, queries, a.partQ, queryAt(at), 0, a.dim);
    for (int chunk = 0; chunk < C::stages - 1; ++chunk)
        copies.start(chunk);
    float scale = a.scaleLog2;
    if (e.factors != nullptr)
        scale /= e.factors[tile.head] * e.factors[a.heads + kv];
    const int within = static_cast<int>(threadIdx.x) / 32 * 16 + static_cast<int>(threadIdx.x) % 32 / 4;
    const int query[2] = {queryAt(within), queryAt(within + 8)};
    const Sight upper(a.p.mask, max(query[0], 0), a.keys);
    const Sight lower(a.p.mask, max(query[1], 0), a.keys);
    const WarpBand band(a.p.mask, query, upper, lower);
    float o[C::V / 2] = {};
    Rows rows{{kNever, kNever}, {0.0F, 0.0F}, {0.0F, 0.0F}};
    const int chunks = (tile.to - tile.from + C::N - 1) / C::N;
    for (int chunk = 0; chunk < chunks; ++chunk) {
        awaitCopies<C::stages - 2>();
        __syncthreads(); // also: nobody still reads what the next copy overwrites
        copies.start(chunk + C::stages - 1);
        const int* seen = ids + chunk % C::stages * C::N;
        if (band.misses(seen[0], seen[C::N - 1]))
            continue;
        const T* k = stages + chunk % C::stages * C::stage;
        float s[C::N / 2] = {};
        sparseScores<C>(s, q, k);
        if (!band.covers(seen[0], seen[C::N - 1]))
            maskList<C::N>(s, seen, a.p.mask, upper, lower, kSelfLogit / kLn2 / scale);
        weigh<C::parts>(s, rows, scale);
        addSparseValues<C>(o, s, rows, k + C::parts * C::keyPart);
    }
    storeSparse<C>(a, tile, o, rows, kv, query[0], within, 0, scale);
    storeSparse<C>(a, tile, o, rows, kv, query[1], within + 8, 1, scale);
}

} // namespace attnscope::kernels
