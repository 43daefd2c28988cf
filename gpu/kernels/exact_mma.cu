// SPDX-License-Identifier: GPL-3.0-or-later
// Exact attention on the tensor cores of any card from sm_80 on: one warp per 16 queries, keys and values copied ahead.
//
// FlashAttention-2's order of work (Dao 2023, arXiv:2307.08691): queries in parallel, one division at the end.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-23, 8 heads, n = 16,384; no older card was at hand):
//   1  eight warps of 16 queries, two stages of keys and values. Predicted: the loads of the right operand by every warp allow half of
//      the tensor cores' rate, some 300 TFLOP/s. Measured: bf16 D = 64 3.42 ms (161 TFLOP/s), D = 128 5.63 (195), D = 256 17.7 (124,
//      registers spilt); split float32 D = 64 6.43 (86), D = 128 17.5 (63). Lesson: one block a multiprocessor hides neither the
//      exponentials nor the loads; smaller blocks, two at a time, are the next step.
#include "gpu/kernels/exact.h"
#include "gpu/kernels/mma.cuh"
#include "gpu/kernels/softmax_rows.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kQueries = 16 * kWarps;

struct Args {
    const void *q, *k, *v;
    void* o;
    float* lse;
    const float* factors;
    Index partQ, partK, partV; // numbers from a high part to its low part
    int headsOf, kvHeadsOf, heads, kvHeads;
    int queries, keys, dim, valueDim, outputDim;
    int rowTiles, firstTile;
    float scaleLog2;
    bool causal;
};

template <class Number, int Dim, int KeyTile, int PartCount>
struct Config {
    using T = Number;
    static constexpr int D = Dim;
    static constexpr int N = KeyTile;
    static constexpr int parts = PartCount;
    static constexpr int queryPart = kQueries * D;
    static constexpr int keyPart = N * D;
    static constexpr int stage = 2 * parts * keyPart; // k, then v
    static constexpr std::size_t bytes = 2 * (static_cast<std::size_t>(parts) * queryPart + 2 * stage);
};

/// One part after the other, each in columns of 64.
template <class C, int Rows>
__device__ void copyParts(typename C::T* tile, const typename C::T* from, Index part, Index row0, Index limit, int width)
{
#pragma unroll
    for (int p = 0; p < C::parts; ++p)
#pragma unroll
        for (int c = 0; c < C::D / 64; ++c)
            copyTile<Rows, kThreads>(tile + (p * C::D / 64 + c) * Rows * 64, from + p * part, row0, limit, c * 64, width);
}

template <class C>
__device__ void addScoreParts(float (&s)[C::N / 2], const typename C::T* q, const typename C::T* k)
{
    const int row = static_cast<int>(threadIdx.x) / 32 * 16;
    if constexpr (C::parts == 2) {
        addProducts<C::N, kQueries, C::D / 64>(s, q + C::queryPart, row, k);
        addProducts<C::N, kQueries, C::D / 64>(s, q, row, k + C::keyPart);
    }
    addProducts<C::N, kQueries, C::D / 64>(s, q, row, k);
}

/// o = o shrink + p v.
template <class C>
__device__ void addValueParts(float (&o)[C::D / 2], const float (&s)[C::N / 2], const Rows& rows, const typename C::T* v)
{
    if constexpr (C::parts == 2) {
        std::uint32_t high[C::N / 4];
        std::uint32_t low[C::N / 4];
        splitWeights(s, high, low);
        float fresh[C::D / 2] = {};
        addWeighted<C::N, C::D>(fresh, low, v);
        addWeighted<C::N, C::D>(fresh, high, v + C::keyPart);
        addWeighted<C::N, C::D>(fresh, high, v);
#pragma unroll
        for (int i = 0; i < C::D / 2; ++i)
            o[i] = fmaf(o[i], rows.shrink[i % 4 / 2], fresh[i]);
    } else {
        std::uint32_t p[C::N / 4];
        packWeights<typename C::T>(s, p);
        rescale(o, rows.shrink);
        addWeighted<C::N, C::D>(o, p, v);
    }
}

template <class C>
__device__ void store(const Args& a, const float (&o)[C::D / 2], const Rows& rows, int head, int kv, int firstRow, float scale)
{
    const float unscale = a.factors == nullptr ? 1.0F : 1.0F / a.factors[a.heads + a.kvHeads + kv];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        float sum = rows.sum[r];
        sum += __shfl_xor_sync(0xffffffffU, sum, 1);
        sum += __shfl_xor_sync(0xffffffffU, sum, 2);
        const int row = firstRow + 8 * r;
        if (row >= a.queries)
            continue;
        const Index at = static_cast<Index>(head) * a.queries + row;
        if (a.lse != nullptr && threadIdx.x % 4 == 0)
            a.lse[at] = (rows.top[r] * scale - (C::parts == 2 ? kSplitShift : 0.0F)) * kLn2 + logf(sum);
#pragma unroll
        for (int i = 2 * r; i < C::D / 2; i += 4)
            for (int e = 0; e < 2; ++e) {
                const int col = i / 4 * 8 + static_cast<int>(threadIdx.x % 4) * 2 + e;
                if (col >= a.outputDim)
                    continue;
                const float value = o[i + e] * (unscale / sum);
                if (a.factors != nullptr)
                    static_cast<float*>(a.o)[at * a.outputDim + col] = value;
                else
                    static_cast<typename C::T*>(a.o)[at * a.outputDim + col] = static_cast<typename C::T>(value);
            }
    }
}

template <class C>
__global__ void __launch_bounds__(kThreads) exactKernel(const Args a)
{
    using T = typename C::T;
    extern __shared__ __align__(16) unsigned char raw[];
    T* q = reinterpret_cast<T*>(raw);
    T* stages = q + C::parts * C::queryPart;
    const int tile = a.firstTile + static_cast<int>(blockIdx.x);
    // Causal: the longest tiles first.
    const int head = a.causal ? tile % a.heads : tile / a.rowTiles;
    const int row0 = (a.causal ? a.rowTiles - 1 - tile / a.heads : tile % a.rowTiles) * kQueries;
    const int kv = head / a.headsOf * a.kvHeadsOf + head % a.headsOf * a.kvHeadsOf / a.headsOf;
    const T* keys = static_cast<const T*>(a.k) + static_cast<Index>(kv) * a.keys * a.dim;
    const T* values = static_cast<const T*>(a.v) + static_cast<Index>(kv) * a.keys * a.valueDim;
    const int past = a.keys - a.queries;
    const int blocks = ((a.causal ? min(a.keys, min(row0 + kQueries, a.queries) + past) : a.keys) + C::N - 1) / C::N;
    const auto copyBlock = [&](int block) {
        if (block < blocks) {
            T* to = stages + block % 2 * C::stage;
            copyParts<C, C::N>(to, keys, a.partK, static_cast<Index>(block) * C::N, a.keys, a.dim);
            copyParts<C, C::N>(to + C::parts * C::keyPart, values, a.partV, static_cast<Index>(block) * C::N, a.keys, a.valueDim);
        }
        commitCopies();
    };
    copyParts<C, kQueries>(q, static_cast<const T*>(a.q) + static_cast<Index>(head) * a.queries * a.dim, a.partQ, row0, a.queries, a.dim);
    copyBlock(0);
    float scale = a.scaleLog2;
    if (a.factors != nullptr)
        scale /= a.factors[head] * a.factors[a.heads + kv];

    const int firstRow = row0 + static_cast<int>(threadIdx.x) / 32 * 16 + static_cast<int>(threadIdx.x) % 32 / 4;
    float o[C::D / 2] = {};
    Rows rows{{kNever, kNever}, {0.0F, 0.0F}, {0.0F, 0.0F}};
    for (int block = 0; block < blocks; ++block) {
        copyBlock(block + 1);
        awaitCopies<1>();
        __syncthreads();
        const T* k = stages + block % 2 * C::stage;
        float s[C::N / 2] = {};
        addScoreParts<C>(s, q, k);
        if ((block + 1) * C::N > (a.causal ? min(a.keys, row0 + 1 + past) : a.keys)) {
            const int first = a.causal ? min(a.keys, firstRow + 1 + past) : a.keys;
            maskScores(s, block * C::N, first, (a.causal ? min(a.keys, firstRow + 9 + past) : a.keys) - first);
        }
        weigh<C::parts>(s, rows, scale);
        addValueParts<C>(o, s, rows, k + C::parts * C::keyPart);
        __syncthreads();
    }
    store<C>(a, o, rows, head, kv, firstRow, scale);
}

template <class C>
cudaError_t launch(const ExactProblem& p, Index first, Index last, cudaStream_t stream)
{
    const Shape& s = p.shape;
    if (const auto status = cudaFuncSetAttribute(exactKernel<C>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(C::bytes));
        status != cudaSuccess)
        return status;
    const auto number = [](Index x) { return static_cast<int>(x); };
    const Index heads = s.batch * s.heads;
    const Index kvHeads = s.batch * p.kvHeads;
    const Args args{p.q,
                    p.k,
                    p.v,
                    p.o,
                    p.lse,
                    p.factors,
                    heads * s.queries * s.dim,
                    kvHeads * s.keys * s.dim,
                    kvHeads * s.keys * s.valueDim,
                    number(s.heads),
                    number(p.kvHeads),
                    number(heads),
                    number(kvHeads),
                    number(s.queries),
                    number(s.keys),
                    number(s.dim),
                    number(s.valueDim),
                    number(p.outputDim),
                    number((s.queries + kQueries - 1) / kQueries),
                    number(first),
                    p.scale * 1.4426950408889634F,
                    p.causal};
    exactKernel<C><<<static_cast<unsigned>(last - first), kThreads, C::bytes, stream>>>(args);
    return cudaGetLastError();
}

template <class T>
cudaError_t launchWidth(const ExactProblem& p, Index first, Index last, cudaStream_t stream)
{
    const Index widest = std::max(p.shape.dim, p.shape.valueDim);
    if constexpr (std::is_same_v<T, __half>)
        if (p.parts == 2)
            return widest <= 64 ? launch<Config<T, 64, 64, 2>>(p, first, last, stream)
                                : launch<Config<T, 128, 32, 2>>(p, first, last, stream);
    if (widest <= 64)
        return launch<Config<T, 64, 64, 1>>(p, first, last, stream);
    return widest <= 128 ? launch<Config<T, 128, 64, 1>>(p, first, last, stream) : launch<Config<T, 256, 32, 1>>(p, first, last, stream);
}

} // namespace

Index exactMmaTiles(const ExactProblem& p) { return (p.shape.queries + kQueries - 1) / kQueries * p.shape.batch * p.shape.heads; }

cudaError_t launchExactMma(const ExactProblem& p, Index first, Index last, cudaStream_t stream)
{
    return p.isHalf ? launchWidth<__half>(p, first, last, stream) : launchWidth<__nv_bfloat16>(p, first, last, stream);
}

} // namespace attnscope::kernels
