// SPDX-License-Identifier: GPL-3.0-or-later
// Delta rules with at most one decay a token and head (DeltaNet, Gated DeltaNet) on 16-bit inputs, by chunks of 64 tokens: the UT
// transform of all chunks at once, then the walk of mixer_walk.cu.
// With k of length 1, G the summed log decays of a chunk and S the state before it:
//     T = (I + strict(β e^(Gᵢ-Gⱼ) k kᵀ))⁻¹,  U = T β V,  W = T β e^G K,  u = U - W S
//     o = scale (e^G q S + tril(e^(Gᵢ-Gⱼ) q kᵀ) u),  S' = e^(G_end) S + (e^(G_end-G) k)ᵀ u
// Yang et al., Parallelizing Linear Transformers with the Delta Rule over Sequence Length, 2024, arXiv:2406.06484, section 3.
//
// Ladder (version, prediction, measured on an H100 with bf16, H = 16, D = 128, n = 16,384; 2026-11-23):
//   1  U, W and the masked products of queries and keys go through device memory; the walk holds the state in float32 registers and
//      copies the next chunks while it multiplies. Lengths of keys and decays are row factors of float32 sums, not of 16-bit inputs.
//      Predicted 0.5 ms; Gated DeltaNet 1.002 ms, of which the transform 0.307 and the walk 0.692 (flash-linear-attention 0.909 ms).
//      Lesson: a chunk took 2.7 us, most of it in computing addresses.
//   2  pieces that a thread copies lie at fixed distances. Predicted 0.8 ms; 0.887 ms in a run of its own, without the peer beside it.
//   3  inverses by blocks of 16, and a walk in slices of 16 columns. Predicted 0.7 ms; with the larger blocks multiplied by plain
//      float32 the transform took 0.355 ms, on the tensor cores 0.267, and all 0.781 ms (flash-linear-attention 0.700 ms in the same run).
//   4  T takes q's place in shared memory: three blocks a multiprocessor. The transform 0.213 ms; all 0.738 ms, with version 4 of the
//      walk 0.709 ms (flash-linear-attention 0.688 ms in the same run).
#include "gpu/kernels/kernel_state.cuh"
#include "gpu/kernels/mixer_gate.cuh"
#include "gpu/kernels/mixer_invert.cuh"
#include "gpu/kernels/mixer_tiles.cuh"
#include "gpu/kernels/mixer_walk.h"

namespace attnscope::kernels {

namespace {

using namespace delta;

constexpr int kWide = 128;                    // columns of rows in shared memory
constexpr int kWideTile = kChunk * kWide * 2; // bytes
constexpr int kSquareTile = kChunk * kChunk * 2;

struct Problem {
    MixerProblem given;
    Index chunks;
    void* u; ///< [B H, chunks 64, 128] in 16 bits, likewise w
    void* w;
    void* products;   ///< [B H, chunks, 64, 64]: tril(scale e^(Gᵢ-Gⱼ) q kᵀ)
    float* queryRows; ///< [B H, chunks 64]: scale e^G over the query's length where that counts
    float* keyRows;   ///< [B H, chunks 64]: e^(G_end-G) over the key's length
    float* decays;    ///< [B H, chunks]: e^G_end
};

__device__ Index kvOf(const MixerProblem& p, Index unit)
{
    return unit / p.shape.heads * p.kvHeads + unit % p.shape.heads * p.kvHeads / p.shape.heads;
}

struct PrepareShared {
    union {
        char q[kWideTile];
        struct {
            char t[kSquareTile], te[kSquareTile]; ///< T β, and T β e^G over the keys' lengths: after the last look at q
        };
    };
    char k[kWideTile], v[kWideTile];
    float lower[kChunk * kChunk];
    float keyLength[kChunk], queryLength[kChunk], sums[kChunk], strengths[kChunk], decayed[kChunk];
};

/// 1 over the length of each row of a tile, by 4 threads a row.
template <class T>
__device__ void lengths(const char* tile, float* out, bool unit)
{
    const int row = threadIdx.x / 4;
    float sum = 0.0F;
#pragma unroll
    for (int n = 0; n < 4; ++n) {
        const int piece = static_cast<int>(threadIdx.x) % 4 + 4 * n;
        const uint4 x = *reinterpret_cast<const uint4*>(tile + row * 2 * kWide + ((piece ^ (row & 7)) * 16));
#pragma unroll
        for (int i = 0; i < 8; ++i)
            sum = fmaf(part<T>(x, i), part<T>(x, i), sum);
    }
    sum += __shfl_xor_sync(kWarp, sum, 1);
    sum += __shfl_xor_sync(kWarp, sum, 2);
    if (threadIdx.x % 4 == 0)
        out[row] = unit && sum > 0.0F ? rsqrtf(sum) : 1.0F;
}

/// Log decays in base 2 summed from the chunk's first token on, and strengths; by one warp, two tokens a lane.
__device__ inline void loadGates(const MixerProblem& p, Index unit, Index first, float* sums, float* strengths)
{
    const int lane = threadIdx.x % 32;
    float logs[2];
    for (int i = 0; i < 2; ++i) {
        const Index t = first + 2 * lane + i;
        const bool there = t < p.shape.keys;
        logs[i] = there ? kLog2E * logDecayAt(p, unit / p.shape.heads, unit % p.shape.heads, t, 0) : 0.0F;
        strengths[2 * lane + i] = there ? gateAt(p.strength, unit / p.shape.heads, unit % p.shape.heads, t, 0, 1.0F) : 0.0F;
    }
    float sum = logs[0] + logs[1];
    for (int far = 1; far < 32; far *= 2) {
        const float other = __shfl_up_sync(kWarp, sum, far);
        sum += lane >= far ? other : 0.0F;
    }
    sums[2 * lane + 1] = sum;
    sums[2 * lane] = sum - logs[1];
}

/// T β and T β e^G over the keys' lengths in 16 bits, from T; by 4 threads a row.
template <class T>
__device__ void storeInverse(PrepareShared& s)
{
    const int row = threadIdx.x / 4;
#pragma unroll
    for (int e = 0; e < 2; ++e) {
        const int piece = static_cast<int>(threadIdx.x) % 4 * 2 + e;
        std::uint32_t plain[4];
        std::uint32_t decayed[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int c = 8 * piece + 2 * i;
            const float2 x = *reinterpret_cast<const float2*>(&s.lower[cellOf<kChunk>(row, c)]);
            plain[i] = Half<T>::pack(x.x * s.strengths[c], x.y * s.strengths[c + 1]);
            decayed[i] = Half<T>::pack(x.x * s.decayed[c], x.y * s.decayed[c + 1]);
        }
        const int at = row * kChunk * 2 + ((piece ^ (row & 7)) * 16);
        *reinterpret_cast<uint4*>(s.t + at) = make_uint4(plain[0], plain[1], plain[2], plain[3]);
        *reinterpret_cast<uint4*>(s.te + at) = make_uint4(decayed[0], decayed[1], decayed[2], decayed[3]);
    }
}

/// Rows 16 w .. of x kᵀ in 8 tiles of 8 keys.
template <class T>
__device__ void rowProducts(std::uint32_t x, std::uint32_t k, int row0, float (&c)[8][4])
{
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int s = 0; s < kWide / 16; ++s) {
        std::uint32_t a[4];
        loadA<16>(a, x, row0, s);
#pragma unroll
        for (int n = 0; n < 8; n += 2) {
            std::uint32_t b[4];
            loadMatrices(b, pieceAt<16>(k, 8 * n + lane / 16 * 8 + lane % 8, 2 * s + lane / 8 % 2));
            Half<T>::mma(c[n], a, b[0], b[1]);
            Half<T>::mma(c[n + 1], a, b[2], b[3]);
        }
    }
}

template <class T>
__global__ __launch_bounds__(kThreads, 3) void prepareKernel(const Problem p)
{
    extern __shared__ __align__(128) char memory[];
    auto& s = *reinterpret_cast<PrepareShared*>(memory);
    const MixerProblem& given = p.given;
    const Shape& shape = given.shape;
    const auto unit = static_cast<Index>(blockIdx.y);
    const auto chunk = static_cast<Index>(blockIdx.x);
    const Index first = chunk * kChunk;
    const Index offset = shape.keys - shape.queries;
    const Index kv = kvOf(given, unit);
    const auto dim = static_cast<int>(shape.dim);
    const auto valueDim = static_cast<int>(shape.valueDim);
    copyTile<16>(sharedAddress(s.k), static_cast<const T*>(given.k) + kv * shape.keys * dim, first, shape.keys, 0, dim);
    copyTile<16>(sharedAddress(s.q), static_cast<const T*>(given.q) + unit * shape.queries * dim, first - offset, shape.queries, 0, dim);
    copyTile<16>(sharedAddress(s.v), static_cast<const T*>(given.v) + kv * shape.keys * valueDim, first, shape.keys, 0, valueDim);
    commitCopies();
    if (threadIdx.x < 32)
        loadGates(given, unit, first, s.sums, s.strengths);
    waitForCopies<0>();
    __syncthreads();
    lengths<T>(s.k, s.keyLength, given.unitKeys);
    lengths<T>(s.q, s.queryLength, given.unitQueries);
    __syncthreads();
    const int warp = threadIdx.x / 32;
    const int row0 = warp % 4 * 16;
    const int g = threadIdx.x % 32 / 4;
    const int t = threadIdx.x % 4;
    const bool ofKeys = warp < 4;
    {
        float c[8][4] = {};
        rowProducts<T>(sharedAddress(ofKeys ? s.k : s.q), sharedAddress(s.k), row0, c);
        T* const products = static_cast<T*>(p.products) + (unit * p.chunks + chunk) * kChunk * kChunk;
#pragma unroll
        for (int n = 0; n < 8; ++n)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                const int i = row0 + g + 8 * h;
                const int j = 8 * n + 2 * t;
                const float row = ofKeys ? s.strengths[i] * s.keyLength[i] : given.scale * s.queryLength[i];
                float x[2];
#pragma unroll
                for (int e = 0; e < 2; ++e)
                    x[e] = (ofKeys ? j + e < i : j + e <= i)
                               ? c[n][2 * h + e] * row * s.keyLength[j + e] * exp2Fast(s.sums[i] - s.sums[j + e])
                               : 0.0F;
                if (ofKeys)
                    *reinterpret_cast<float2*>(&s.lower[cellOf<kChunk>(i, j)]) = make_float2(x[0], x[1]);
                else
                    *reinterpret_cast<std::uint32_t*>(products + i * kChunk + j) = Half<T>::pack(x[0], x[1]);
            }
    }
    __syncthreads();
    if (threadIdx.x < kChunk) {
        const int c = threadIdx.x;
        const Index row = unit * p.chunks * kChunk + first + c;
        s.decayed[c] = s.strengths[c] * s.keyLength[c] * exp2Fast(s.sums[c]);
        p.queryRows[row] = given.scale * s.queryLength[c] * exp2Fast(s.sums[c]);
        p.keyRows[row] = s.keyLength[c] * exp2Fast(s.sums[kChunk - 1] - s.sums[c]);
        if (c == 0)
            p.decays[unit * p.chunks + chunk] = exp2Fast(s.sums[kChunk - 1]);
    }
    invertLower<kChunk>(s.lower);
    storeInverse<T>(s);
    __syncthreads();
    T* const out = static_cast<T*>(ofKeys ? p.w : p.u) + (unit * p.chunks * kChunk + first) * kWide;
#pragma unroll 1
    for (int half = 0; half < 16; half += 8) {
        float c[8][4] = {};
#pragma unroll
        for (int step = 0; step < kChunk / 16; ++step) {
            if (step > warp % 4) // T is 0 there
                break;
            std::uint32_t a[4];
            loadA<8>(a, sharedAddress(ofKeys ? s.te : s.t), row0, step);
#pragma unroll
            for (int n = 0; n < 8; n += 2) {
                std::uint32_t b[4];
                loadB<16>(b, sharedAddress(ofKeys ? s.k : s.v), step, half + n);
                Half<T>::mma(c[n], a, b[0], b[1]);
                Half<T>::mma(c[n + 1], a, b[2], b[3]);
            }
        }
#pragma unroll
        for (int n = 0; n < 8; ++n)
#pragma unroll
            for (int h = 0; h < 2; ++h)
                *reinterpret_cast<std::uint32_t*>(out + (row0 + g + 8 * h) * kWide + 8 * (half + n) + 2 * t) =
                    Half<T>::pack(c[n][2 * h], c[n][2 * h + 1]);
    }
}

Index unitsOf(const MixerProblem& p) { return p.shape.batch * p.shape.heads; }

Index chunksOf(const MixerProblem& p) { return (p.shape.keys + kChunk - 1) / kChunk; }

template <class T>
cudaError_t launch(const MixerProblem& given, void* workspace, cudaStream_t stream)
{
    const Index units = unitsOf(given);
    const Index rows = chunksOf(given) * kChunk;
    auto* const u = static_cast<T*>(workspace);
    T* const w = u + units * rows * kWide;
    T* const products = w + units * rows * kWide;
    auto* const queryRows = reinterpret_cast<float*>(products + units * rows * kChunk);
    const Problem p{given, chunksOf(given), u, w, products, queryRows, queryRows + units * rows, queryRows + 2 * units * rows};
    const auto bytes = static_cast<int>(sizeof(PrepareShared));
    if (const auto status = cudaFuncSetAttribute(prepareKernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    prepareKernel<T><<<dim3(static_cast<unsigned>(p.chunks), static_cast<unsigned>(units)), kThreads, bytes, stream>>>(p);
    if (const auto status = cudaGetLastError(); status != cudaSuccess)
        return status;
    const Shape& shape = given.shape;
    const Index offset = shape.keys - shape.queries;
    WalkProblem walk;
    walk.q = {given.q, 1, shape.queries, shape.dim, offset};
    walk.k = {given.k, shape.heads / given.kvHeads, shape.keys, shape.dim, 0};
    walk.u = {u, 1, rows, kWide, 0};
    walk.w = w;
    walk.products = products;
    walk.queryRows = p.queryRows;
    walk.keyRows = p.keyRows;
    walk.decays = p.decays;
    walk.units = units;
    walk.chunks = p.chunks;
    walk.o = given.o;
    walk.queries = shape.queries;
    walk.offset = offset;
    walk.valueDim = shape.valueDim;
    walk.dtype = given.dtype;
    return launchWalk(walk, stream);
}

} // namespace

bool fitsDeltaChunks(const MixerProblem& p)
{
    const Shape& s = p.shape;
    return isPlain(p) && bytesOf(p.dtype) == 2 && p.delta && p.logDecay.channel == 0 && s.dim % 8 == 0 && s.valueDim % 8 == 0 &&
           s.dim <= kWide && s.valueDim <= kWide && canWalk(p.dtype);
}

std::size_t deltaChunkBytes(const MixerProblem& p)
{
    const auto rows = static_cast<std::size_t>(unitsOf(p) * chunksOf(p) * kChunk);
    return rows * (2 * kWide + kChunk) * 2 + rows * 2 * sizeof(float) + static_cast<std::size_t>(unitsOf(p) * chunksOf(p)) * sizeof(float);
}

cudaError_t launchDeltaChunks(const MixerProblem& p, void* workspace, cudaStream_t stream)
{
    return p.dtype == Dtype::BF16 ? launch<__nv_bfloat16>(p, workspace, stream) : launch<__half>(p, workspace, stream);
}

} // namespace attnscope::kernels
