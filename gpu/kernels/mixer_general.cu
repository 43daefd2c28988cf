// SPDX-License-Identifier: GPL-3.0-or-later
// Chunks of recurrent mixers with a decay for each channel, and of all mixers in float32: the products inside all chunks at once, for
// mixer_walk.cu and mixer_wide_walk.cu. All of it is float32 in shared memory, whatever the inputs are.
//
// Within a chunk, cells of 16 x 16 tokens off the diagonal are products of q e^(G-r) and k e^(r-G), where r are the summed decays before
// the later 16 tokens: no exponent is above 0. On the diagonal a row's decays grow step by step. Yang et al., Gated Linear Attention
// Transformers, ICML 2024, arXiv:2312.06635, section 4.3; with the delta rule the UT transform as in mixer_delta.cu.
//
// Ladder (version, prediction, measured on an H100 with H = 16, D = 128, n = 16,384; 2026-11-23), without and with the walk:
//   1  predicted 0.35 ms without the walk in bf16; GLA 0.550 and 0.994 ms, KDA 0.804 and 1.335 ms (token by token 12.3 and 17.4 ms).
//      With the walk in f32 retention and GLA 2.16, Gated DeltaNet and KDA 2.85 ms (retention token by token 10.4 ms); tf32 2.51 ms.
#include "gpu/kernels/mixer_cells.cuh"
#include "gpu/kernels/mixer_gate.cuh"
#include "gpu/kernels/mixer_invert.cuh"
#include "gpu/kernels/mixer_walk.h"
#include "gpu/kernels/tf32.cuh"

namespace attnscope::kernels {

namespace {

using namespace cells;

constexpr int kBlock = 16; // tokens between which decays are anchored

struct Problem {
    MixerProblem given;
    Index chunks;
    void* q; ///< [B H, chunks C, 128] in the inputs' format: scale e^G q; likewise e^(G_end-G) k, T β V (or v), T β e^G k
    void* k;
    void* u;
    void* w;
    void* products; ///< [B H, chunks, C, C]
    float* decays;  ///< [B H, chunks, 128]
};

template <int C>
struct Shared {
    float q[C * kWide], k[C * kWide];
    float sums[C * kWide]; ///< log decays in base 2, up to and including the token
    float lower[C * C];
    float strengths[C];
};

/// What all of a block's functions ask for.
struct Place {
    const MixerProblem& p;
    Index batch, head, unit, chunk, first;

    __device__ bool there(int row) const { return first + row < p.shape.keys; }
};

/// Decays summed down the columns, and keys made from gates; two threads a column.
template <int C>
__device__ void sumDecays(const Place& at, Shared<C>& s)
{
    const MixerProblem& p = at.p;
    const HeadDecays decays(p, at.batch, at.head);
    const int col = static_cast<int>(threadIdx.x) % kWide;
    const int row0 = static_cast<int>(threadIdx.x) / kWide * (C / 2);
    float sum = 0.0F;
#pragma unroll 8
    for (int row = row0; row < row0 + C / 2; ++row) {
        const bool there = at.there(row) && col < p.shape.dim;
        float& key = s.k[cellOf<kWide>(row, col)];
        float log = 0.0F;
        if (there)
            log = p.keysAsGates ? logSigmoid(key) : decays.at(at.first + row, col);
        if (p.gatesAsKeys)
            key = there ? -expm1f(log) : 0.0F;
        sum = fmaf(kLog2E, log, sum);
        s.sums[cellOf<kWide>(row, col)] = sum;
    }
    __syncthreads();
    if (row0 > 0) {
        const float before = s.sums[cellOf<kWide>(C / 2 - 1, col)];
#pragma unroll 8
        for (int row = row0; row < C; ++row)
            s.sums[cellOf<kWide>(row, col)] += before;
    }
    __syncthreads();
}

/// Queries decayed from the chunk's start, keys to its end, and the decay of the chunk.
template <int C, class T>
__device__ void storeRows(const Problem& p, const Place& at, const Shared<C>& s)
{
    const int col = static_cast<int>(threadIdx.x) % 16 * 8;
    float end[8];
    loadCells(end, s.sums, C - 1, col);
    for (int row = static_cast<int>(threadIdx.x) / 16; row < C; row += kThreads / 16) {
        float x[8];
        float log[8];
        const Index to = ((at.unit * p.chunks + at.chunk) * C + row) * kWide + col;
        const float writes = at.p.delta ? 1.0F : s.strengths[row];
        loadCells(log, s.sums, row, col);
        loadCells(x, s.k, row, col);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            x[i] *= writes * exp2Fast(end[i] - log[i]);
        storeEight(static_cast<T*>(p.k) + to, x);
        loadCells(x, s.q, row, col);
        if (at.p.readsBefore && row > 0)
            loadCells(log, s.sums, row - 1, col);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            x[i] *= at.p.scale * (at.p.readsBefore && row == 0 ? 1.0F : exp2Fast(log[i]));
        storeEight(static_cast<T*>(p.q) + to, x);
    }
    if (threadIdx.x < kWide)
        p.decays[(at.unit * p.chunks + at.chunk) * kWide + threadIdx.x] = exp2Fast(s.sums[cellOf<kWide>(C - 1, threadIdx.x)]);
}

/// Cells of 16 tokens and 8 earlier ones in another block of 16.
template <int C, int Terms, class T>
__device__ void earlierBlocks(const Place& at, Shared<C>& s, T* products)
{
    constexpr int kBlocks = C / kBlock;
    const MixerProblem& p = at.p;
    const int g = threadIdx.x % 32 / 4;
    const int t = threadIdx.x % 4;
    for (int task = static_cast<int>(threadIdx.x) / 32; task < kBlocks * (kBlocks - 1); task += kThreads / 32) {
        int block = 1;
        int other = task / 2;
        for (; other >= block; ++block)
            other -= block;
        const int row0 = kBlock * block;
        const int key0 = kBlock * other + 8 * (task % 2);
        float cq[4] = {};
        float ck[4] = {};
        for (int four = 0; four < kWide / 32; ++four) { // sums of the tensor cores are cut, not rounded: few of them at a time
            float sq[4] = {};
            float sk[4] = {};
#pragma unroll
            for (int step = 0; step < 4; ++step) {
                const int col = 32 * four + 8 * step + 2 * t;
                const float2 anchor = twoAt<kWide>(s.sums, row0 - 1, col);
                float aq[4];
                float ak[4];
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    const int row = row0 + g + 8 * h;
                    const float2 log = twoAt<kWide>(s.sums, row, col);
                    const float2 q = twoAt<kWide>(s.q, row, col);
                    const float2 k = twoAt<kWide>(s.k, row, col);
                    const float2 before = p.readsBefore ? twoAt<kWide>(s.sums, row - 1, col) : log;
                    ak[h] = k.x * exp2Fast(log.x - anchor.x);
                    ak[2 + h] = k.y * exp2Fast(log.y - anchor.y);
                    aq[h] = q.x * exp2Fast(before.x - anchor.x);
                    aq[2 + h] = q.y * exp2Fast(before.y - anchor.y);
                }
                const float2 log = twoAt<kWide>(s.sums, key0 + g, col);
                const float2 k = twoAt<kWide>(s.k, key0 + g, col);
                const float b[2] = {k.x * exp2Fast(anchor.x - log.x), k.y * exp2Fast(anchor.y - log.y)};
                multiplyWide<Terms>(sq, aq, b);
                if (p.delta)
                    multiplyWide<Terms>(sk, ak, b);
            }
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                cq[i] += sq[i];
                ck[i] += sk[i];
            }
        }
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int row = row0 + g + 8 * h;
            const int key = key0 + 2 * t;
            const float x = p.scale * (p.delta ? 1.0F : s.strengths[key]);
            const float y = p.scale * (p.delta ? 1.0F : s.strengths[key + 1]);
            storeTwo(products + row * C + key, x * cq[2 * h], y * cq[2 * h + 1]);
            if (p.delta)
                *reinterpret_cast<float2*>(s.lower + cellOf<C>(row, key)) =
                    make_float2(s.strengths[row] * ck[2 * h], s.strengths[row] * ck[2 * h + 1]);
        }
    }
}

/// Cells of two tokens of the same 16: a group of lanes a row, all blocks of 16 at once.
template <int C, class T>
__device__ void ownBlocks(const Place& at, Shared<C>& s, T* products)
{
    constexpr int kLanes = 32 / (C / kBlock);
    constexpr int kEach = kWide / kLanes / 4; // groups of 4 channels
    const MixerProblem& p = at.p;
    const HeadGate bonus(p.bonus, at.batch, at.head);
    const HeadGate skip(p.skip, at.batch, at.head);
    const int lane = static_cast<int>(threadIdx.x) % kLanes;
    const int block0 = static_cast<int>(threadIdx.x) % 32 / kLanes * kBlock;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    for (int turn = 0; turn < 2; ++turn) {
        const int own = turn == 0 ? warp : kBlock - 1 - warp;
        const int row = block0 + own;
        float q[kEach][4];
        float k[kEach][4];
        float extra = 0.0F;
#pragma unroll
        for (int m = 0; m < kEach; ++m) {
            const int col = 4 * (lane + kLanes * m);
            *reinterpret_cast<float4*>(q[m]) = fourAt(s.q, row, col);
            *reinterpret_cast<float4*>(k[m]) = fourAt(s.k, row, col);
            if (bonus.data && at.there(row))
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    if (col + i < p.shape.dim)
                        extra = fmaf(q[m][i] * k[m][i], bonus.at(at.first + row, col + i, 0.0F), extra);
        }
        for (int i = own; i >= 0; --i) {
            const int key = block0 + i;
            float sumQ = 0.0F;
            float sumK = 0.0F;
#pragma unroll
            for (int m = 0; m < kEach; ++m) {
                const float4 x = fourAt(s.k, key, 4 * (lane + kLanes * m));
                sumQ += (q[m][0] * x.x + q[m][1] * x.y) + (q[m][2] * x.z + q[m][3] * x.w);
                sumK += (k[m][0] * x.x + k[m][1] * x.y) + (k[m][2] * x.z + k[m][3] * x.w);
            }
            const bool mine = i == own;
            sumQ *= p.delta ? 1.0F : s.strengths[key];
            if (mine)
                sumQ = extra + (p.readsBefore || p.skipsOwn ? 0.0F : sumQ);
            for (int far = 1; far < kLanes; far *= 2) {
                sumQ += __shfl_xor_sync(kWarp, sumQ, far);
                sumK += __shfl_xor_sync(kWarp, sumK, far);
            }
            if (lane == 0) {
                const float added = mine && skip.data && at.there(row) ? skip.at(at.first + row, 0, 0.0F) : 0.0F;
                storeOne(products + row * C + key, fmaf(p.scale, sumQ, added));
                if (!mine)
                    s.lower[cellOf<C>(row, key)] = s.strengths[row] * sumK;
            }
            if (i == 0)
                break;
#pragma unroll
            for (int m = 0; m < kEach; ++m) {
                const int col = 4 * (lane + kLanes * m);
                const float4 log = fourAt(s.sums, key, col);
                const float4 before = fourAt(s.sums, key - 1, col);
                const float step[4] = {exp2Fast(log.x - before.x), exp2Fast(log.y - before.y), exp2Fast(log.z - before.z),
                                       exp2Fast(log.w - before.w)};
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    k[m][e] *= step[e];
                    if (!(mine && p.readsBefore))
                        q[m][e] *= step[e];
                }
            }
        }
    }
}

/// Rows times their strengths, and times e^G where `decayed`.
template <int C>
__device__ void scaleRows(float* tile, const Shared<C>& s, bool decayed)
{
    const int col = static_cast<int>(threadIdx.x) % 16 * 8;
    for (int row = static_cast<int>(threadIdx.x) / 16; row < C; row += kThreads / 16) {
        float x[8];
        float log[8];
        loadCells(x, tile, row, col);
        loadCells(log, s.sums, row, col);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            x[i] *= s.strengths[row] * (decayed ? exp2Fast(log[i]) : 1.0F);
        storeCells(tile, row, col, x);
    }
}

/// T times the values in the place of the queries, and T times the keys; half of the warps each.
template <int C, int Terms, class T>
__device__ void transform(const Problem& p, const Place& at, const Shared<C>& s)
{
    constexpr int kTiles = C / 4; // 8-column tiles of a warp
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int g = threadIdx.x % 32 / 4;
    const int t = threadIdx.x % 4;
    const int block = warp % (C / kBlock);
    const int tile0 = warp % 4 / (C / kBlock) * kTiles;
    const float* const right = warp < 4 ? s.q : s.k;
    float c[kTiles][4] = {};
    for (int step = 0; step < 2 * (block + 1); ++step) {
        const int key = 8 * step + 2 * t;
        const float2 upper = twoAt<C>(s.lower, kBlock * block + g, key);
        const float2 below = twoAt<C>(s.lower, kBlock * block + g + 8, key);
        const float a[4] = {upper.x, below.x, upper.y, below.y};
#pragma unroll
        for (int n = 0; n < kTiles; ++n) {
            const int col = 8 * (tile0 + n) + g;
            const float b[2] = {right[cellOf<kWide>(key, col)], right[cellOf<kWide>(key + 1, col)]};
            multiplyWide<Terms>(c[n], a, b);
        }
    }
    T* const to = static_cast<T*>(warp < 4 ? p.u : p.w) + ((at.unit * p.chunks + at.chunk) * C + kBlock * block) * kWide;
#pragma unroll
    for (int n = 0; n < kTiles; ++n)
#pragma unroll
        for (int h = 0; h < 2; ++h)
            storeTwo(to + (g + 8 * h) * kWide + 8 * (tile0 + n) + 2 * t, c[n][2 * h], c[n][2 * h + 1]);
}

template <int C, int Terms, class T>
__global__ __launch_bounds__(kThreads, 2) void generalKernel(const Problem p)
{
    extern __shared__ __align__(128) char memory[];
    auto& s = *reinterpret_cast<Shared<C>*>(memory);
    const MixerProblem& given = p.given;
    const Shape& shape = given.shape;
    const auto unit = static_cast<Index>(blockIdx.y);
    const Place at{given, unit / shape.heads, unit % shape.heads, unit, static_cast<Index>(blockIdx.x), static_cast<Index>(blockIdx.x) * C};
    const Index kv = at.batch * given.kvHeads + at.head * given.kvHeads / shape.heads;
    const Index keyHeads = given.keyHeads > 0 ? given.keyHeads : given.kvHeads;
    const Index keys = at.batch * keyHeads + at.head * keyHeads / shape.heads;
    const auto dim = static_cast<int>(shape.dim);
    T* const products = static_cast<T*>(p.products) + (unit * p.chunks + at.chunk) * C * C;
    loadRows<C>(s.k, static_cast<const T*>(given.k) + keys * shape.keys * dim, at.first, shape.keys, dim, given.unitKeys);
    loadRows<C>(s.q, static_cast<const T*>(given.q) + unit * shape.queries * dim, at.first - (shape.keys - shape.queries), shape.queries,
                dim, given.unitQueries);
    if (threadIdx.x < C)
        s.strengths[threadIdx.x] =
            at.there(threadIdx.x) ? HeadGate(given.strength, at.batch, at.head).at(at.first + threadIdx.x, 0, 1.0F) : 0.0F;
    for (int i = threadIdx.x; i < C * C; i += kThreads) {
        s.lower[i] = 0.0F;
        storeOne(products + i, 0.0F);
    }
    __syncthreads();
    sumDecays(at, s);
    storeRows<C, T>(p, at, s);
    earlierBlocks<C, Terms>(at, s, products);
    ownBlocks(at, s, products);
    __syncthreads();
    const T* const v = static_cast<const T*>(given.v) + kv * shape.keys * shape.valueDim;
    const auto valueDim = static_cast<int>(shape.valueDim);
    if (!given.delta) {
        if (p.u) // which aligns rows of any width
            for (int i = threadIdx.x; i < C * kWide; i += kThreads)
                storeOne(static_cast<T*>(p.u) + ((unit * p.chunks + at.chunk) * C) * kWide + i,
                         at.there(i / kWide) && i % kWide < valueDim ? valueOf(v[(at.first + i / kWide) * valueDim + i % kWide]) : 0.0F);
        return;
    }
    loadRows<C>(s.q, v, at.first, shape.keys, valueDim, false);
    scaleRows(s.q, s, false); // by the thread that loaded
    scaleRows(s.k, s, true);
    invertLower<C>(s.lower);
    transform<C, Terms, T>(p, at, s);
}

Index unitsOf(const MixerProblem& p) { return p.shape.batch * p.shape.heads; }

Index chunksOf(const MixerProblem& p) { return (p.shape.keys + walkChunk(p.dtype) - 1) / walkChunk(p.dtype); }

std::size_t rowsOf(const MixerProblem& p) { return static_cast<std::size_t>(unitsOf(p) * chunksOf(p) * walkChunk(p.dtype)); }

bool copiesValues(const MixerProblem& p) { return p.delta || p.shape.valueDim * bytesOf(p.dtype) % 16 != 0; }

/// Arrays of [rows, 128] in the workspace.
std::size_t widesOf(const MixerProblem& p) { return 2 + (p.delta ? 1U : 0U) + (copiesValues(p) ? 1U : 0U); }

template <int C, int Terms, class T>
cudaError_t launch(const MixerProblem& given, void* workspace, cudaStream_t stream)
{
    const Shape& shape = given.shape;
    const std::size_t wide = rowsOf(given) * kWide;
    auto* const q = static_cast<T*>(workspace);
    T* const products = q + widesOf(given) * wide;
    auto* const decays = reinterpret_cast<float*>(products + rowsOf(given) * C);
    T* const u = copiesValues(given) ? q + 2 * wide : nullptr;
    const Problem p{given, chunksOf(given), q, q + wide, u, given.delta ? q + 3 * wide : nullptr, products, decays};
    const auto bytes = static_cast<int>(sizeof(Shared<C>));
    if (const auto status = cudaFuncSetAttribute(generalKernel<C, Terms, T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    generalKernel<C, Terms, T>
        <<<dim3(static_cast<unsigned>(p.chunks), static_cast<unsigned>(unitsOf(given))), kThreads, bytes, stream>>>(p);
    if (const auto status = cudaGetLastError(); status != cudaSuccess)
        return status;
    const Index rows = p.chunks * C;
    WalkProblem walk;
    walk.q = {p.q, 1, rows, kWide, 0};
    walk.k = {p.k, 1, rows, kWide, 0};
    walk.u = p.u ? WalkRows{p.u, 1, rows, kWide, 0} : WalkRows{given.v, shape.heads / given.kvHeads, shape.keys, shape.valueDim, 0};
    walk.w = p.w;
    walk.products = products;
    walk.decays = decays;
    walk.decayWidth = kWide;
    walk.units = unitsOf(given);
    walk.chunks = p.chunks;
    walk.o = given.o;
    walk.queries = shape.queries;
    walk.offset = shape.keys - shape.queries;
    walk.valueDim = shape.valueDim;
    walk.dtype = given.dtype;
    return sizeof(T) == 2 ? launchWalk(walk, stream) : launchWideWalk(walk, stream);
}

} // namespace

bool fitsGeneralChunks(const MixerProblem& p)
{
    return !p.correction.data && p.shape.dim <= kWide && p.shape.valueDim <= kWide && canWalk(p.dtype);
}

std::size_t generalChunkBytes(const MixerProblem& p)
{
    const std::size_t numbers = rowsOf(p) * (widesOf(p) * kWide + static_cast<std::size_t>(walkChunk(p.dtype)));
    const auto decays = static_cast<std::size_t>(unitsOf(p) * chunksOf(p)) * kWide;
    return numbers * static_cast<std::size_t>(bytesOf(p.dtype)) + decays * sizeof(float);
}

cudaError_t launchGeneralChunks(const MixerProblem& p, void* workspace, cudaStream_t stream)
{
    if (p.dtype == Dtype::F16)
        return launch<64, 1, __half>(p, workspace, stream);
    if (p.dtype == Dtype::BF16)
        return launch<64, 1, __nv_bfloat16>(p, workspace, stream);
    return p.dtype == Dtype::TF32 ? launch<32, 1, float>(p, workspace, stream) : launch<32, 3, float>(p, workspace, stream);
}

} // namespace attnscope::kernels
