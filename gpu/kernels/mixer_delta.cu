// SPDX-License-Identifier: GPL-3.0-or-later
// Delta rules with at most one decay a token and head (DeltaNet, Gated DeltaNet) on 16-bit inputs, by chunks of 64 tokens: the UT
// transform of all chunks at once, then the state through the chunks, a block for each 32 of its columns.
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
#include "gpu/kernels/kernel_state.cuh"
#include "gpu/kernels/mixer_gate.cuh"
#include "gpu/kernels/mixer_tiles.cuh"

namespace attnscope::kernels {

namespace {

using namespace delta;

constexpr int kWide = 128;                    // columns of rows in shared memory
constexpr int kSlice = 32;                    // columns of the state in a block of the walk
constexpr int kWideTile = kChunk * kWide * 2; // bytes
constexpr int kSquareTile = kChunk * kChunk * 2;
constexpr int kSliceTile = kChunk * kSlice * 2;

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
    char q[kWideTile], k[kWideTile], v[kWideTile];
    char t[kSquareTile], te[kSquareTile]; ///< T β, and T β e^G over the keys' lengths
    float lower[kChunk][kChunk];
    float keyLength[kChunk], queryLength[kChunk], sums[kChunk], strengths[kChunk];
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

/// Column c of (I + lower)⁻¹ by forward substitution, in float32 registers.
__device__ inline void invertColumn(const float (&lower)[kChunk][kChunk], int c, float (&x)[kChunk])
{
#pragma unroll
    for (int i = 0; i < kChunk; ++i) {
        float sums[4] = {i == c ? 1.0F : 0.0F, 0.0F, 0.0F, 0.0F};
#pragma unroll
        for (int j = 0; j < i; j += 4) {
            const float4 a = *reinterpret_cast<const float4*>(&lower[i][j]);
            sums[0] = fmaf(-a.x, x[j], sums[0]);
            if (j + 1 < i)
                sums[1] = fmaf(-a.y, x[j + 1], sums[1]);
            if (j + 2 < i)
                sums[2] = fmaf(-a.z, x[j + 2], sums[2]);
            if (j + 3 < i)
                sums[3] = fmaf(-a.w, x[j + 3], sums[3]);
        }
        x[i] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
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
__global__ __launch_bounds__(kThreads, 2) void prepareKernel(const Problem p)
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
                    *reinterpret_cast<float2*>(&s.lower[i][j]) = make_float2(x[0], x[1]);
                else
                    *reinterpret_cast<std::uint32_t*>(products + i * kChunk + j) = Half<T>::pack(x[0], x[1]);
            }
    }
    __syncthreads();
    if (threadIdx.x < kChunk) {
        const int c = threadIdx.x;
        float x[kChunk];
        invertColumn(s.lower, c, x);
        const float strength = s.strengths[c];
        const float decayed = strength * s.keyLength[c] * exp2Fast(s.sums[c]);
#pragma unroll
        for (int i = 0; i < kChunk; ++i) {
            const int at = i * kChunk * 2 + (((c / 8) ^ (i & 7)) * 16) + c % 8 * 2;
            *reinterpret_cast<T*>(s.t + at) = Half<T>::make(strength * x[i]);
            *reinterpret_cast<T*>(s.te + at) = Half<T>::make(decayed * x[i]);
        }
        const Index row = unit * p.chunks * kChunk + first + c;
        p.queryRows[row] = given.scale * s.queryLength[c] * exp2Fast(s.sums[c]);
        p.keyRows[row] = s.keyLength[c] * exp2Fast(s.sums[kChunk - 1] - s.sums[c]);
        if (c == 0)
            p.decays[unit * p.chunks + chunk] = exp2Fast(s.sums[kChunk - 1]);
    }
    __syncthreads();
    float c[16][4] = {};
#pragma unroll
    for (int step = 0; step < kChunk / 16; ++step) {
        std::uint32_t a[4];
        loadA<8>(a, sharedAddress(ofKeys ? s.te : s.t), row0, step);
#pragma unroll
        for (int n = 0; n < 16; n += 2) {
            std::uint32_t b[4];
            loadB<16>(b, sharedAddress(ofKeys ? s.k : s.v), step, n);
            Half<T>::mma(c[n], a, b[0], b[1]);
            Half<T>::mma(c[n + 1], a, b[2], b[3]);
        }
    }
    T* const out = static_cast<T*>(ofKeys ? p.w : p.u) + (unit * p.chunks * kChunk + first) * kWide;
#pragma unroll
    for (int n = 0; n < 16; ++n)
#pragma unroll
        for (int h = 0; h < 2; ++h)
            *reinterpret_cast<std::uint32_t*>(out + (row0 + g + 8 * h) * kWide + 8 * n + 2 * t) =
                Half<T>::pack(c[n][2 * h], c[n][2 * h + 1]);
}

struct WalkStage {
    char w[kWideTile], q[kWideTile], k[kWideTile], products[kSquareTile], u[kSliceTile];
    float queryRows[kChunk], keyRows[kChunk];
};

template <int Stages>
struct WalkShared {
    WalkStage stages[Stages];
    char state[kWide * kSlice * 2], now[kSliceTile], decayed[kSliceTile]; ///< S, u and e^(G_end-G) u in 16 bits
};

template <class T, int Stages>
struct Walk {
    const Problem& p;
    WalkShared<Stages>& s;
    Index unit;
    int col0;
    float state[4][4] = {}; ///< rows 16 warp .. of S

    __device__ void copy(int stage, Index chunk) const
    {
        if (chunk < p.chunks) {
            const MixerProblem& given = p.given;
            const Shape& shape = given.shape;
            const Index first = chunk * kChunk;
            const Index rows = p.chunks * kChunk;
            WalkStage& to = s.stages[stage];
            const auto dim = static_cast<int>(shape.dim);
            copyTile<16>(sharedAddress(to.w), static_cast<const T*>(p.w) + unit * rows * kWide, first, rows, 0, kWide);
            copyTile<4>(sharedAddress(to.u), static_cast<const T*>(p.u) + unit * rows * kWide, first, rows, col0, kWide);
            copyTile<16>(sharedAddress(to.q), static_cast<const T*>(given.q) + unit * shape.queries * dim,
                         first - (shape.keys - shape.queries), shape.queries, 0, dim);
            copyTile<16>(sharedAddress(to.k), static_cast<const T*>(given.k) + kvOf(given, unit) * shape.keys * dim, first, shape.keys, 0,
                         dim);
            copyTile<8>(sharedAddress(to.products), static_cast<const T*>(p.products) + unit * rows * kChunk, first, rows, 0, kChunk);
            if (threadIdx.x < 2 * kChunk / 4) {
                const int at = static_cast<int>(threadIdx.x) * 4;
                const float* const from =
                    at < kChunk ? p.queryRows + unit * rows + first + at : p.keyRows + unit * rows + first + at - kChunk;
                copyAsync(sharedAddress(to.queryRows) + static_cast<std::uint32_t>(at * 4), from, true);
            }
        }
        commitCopies();
    }

    /// Where columns 8 n + 2 t of row `row` are in a tile of 32 columns.
    __device__ static int at(int row, int n)
    {
        return row * kSlice * 2 + ((n ^ (row >> 1 & 3)) * 16) + static_cast<int>(threadIdx.x) % 4 * 4;
    }

    /// c = W S for warps 0 to 3, q S for the others; then u for all, from the first.
    __device__ void readState(const WalkStage& in, float (&c)[4][4])
    {
        const int warp = threadIdx.x / 32;
        const int g = threadIdx.x % 32 / 4;
        const int row0 = warp % 4 * 16;
#pragma unroll
        for (int step = 0; step < kWide / 16; ++step) {
            std::uint32_t a[4];
            loadA<16>(a, sharedAddress(warp < 4 ? in.w : in.q), row0, step);
#pragma unroll
            for (int n = 0; n < 4; n += 2) {
                std::uint32_t b[4];
                loadB<4>(b, sharedAddress(s.state), step, n);
                Half<T>::mma(c[n], a, b[0], b[1]);
                Half<T>::mma(c[n + 1], a, b[2], b[3]);
            }
        }
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int row = row0 + g + 8 * h;
            const float factor = warp < 4 ? in.keyRows[row] : in.queryRows[row];
#pragma unroll
            for (int n = 0; n < 4; ++n) {
                float& x = c[n][2 * h];
                float& y = c[n][2 * h + 1];
                if (warp < 4) {
                    const std::uint32_t u = *reinterpret_cast<const std::uint32_t*>(in.u + at(row, n));
                    x = Half<T>::low(u) - x;
                    y = Half<T>::high(u) - y;
                    *reinterpret_cast<std::uint32_t*>(s.now + at(row, n)) = Half<T>::pack(x, y);
                    *reinterpret_cast<std::uint32_t*>(s.decayed + at(row, n)) = Half<T>::pack(factor * x, factor * y);
                } else {
                    x *= factor;
                    y *= factor;
                }
            }
        }
    }

    /// S' = decay S + kᵀ u for all warps, and the outputs of warps 4 to 7.
    __device__ void writeState(const WalkStage& in, Index chunk, float (&c)[4][4])
    {
        const int warp = threadIdx.x / 32;
        const int lane = threadIdx.x % 32;
        const int g = lane / 4;
        const float decay = __ldg(p.decays + unit * p.chunks + chunk);
#pragma unroll
        for (auto& tile : state)
#pragma unroll
            for (float& x : tile)
                x *= decay;
#pragma unroll
        for (int step = 0; step < kChunk / 16; ++step) {
            std::uint32_t a[4];
            std::uint32_t products[4];
            loadTransposed(a, pieceAt<16>(sharedAddress(in.k), 16 * step + lane / 16 * 8 + lane % 8, 2 * warp + lane / 8 % 2));
            if (warp >= 4)
                loadA<8>(products, sharedAddress(in.products), warp % 4 * 16, step);
#pragma unroll
            for (int n = 0; n < 4; n += 2) {
                std::uint32_t b[4];
                loadB<4>(b, sharedAddress(s.decayed), step, n);
                Half<T>::mma(state[n], a, b[0], b[1]);
                Half<T>::mma(state[n + 1], a, b[2], b[3]);
                if (warp >= 4) {
                    loadB<4>(b, sharedAddress(s.now), step, n);
                    Half<T>::mma(c[n], products, b[0], b[1]);
                    Half<T>::mma(c[n + 1], products, b[2], b[3]);
                }
            }
        }
#pragma unroll
        for (int h = 0; h < 2; ++h)
#pragma unroll
            for (int n = 0; n < 4; ++n)
                *reinterpret_cast<std::uint32_t*>(s.state + at(16 * warp + g + 8 * h, n)) =
                    Half<T>::pack(state[n][2 * h], state[n][2 * h + 1]);
        if (warp < 4)
            return;
        const Shape& shape = p.given.shape;
        T* const o = static_cast<T*>(p.given.o) + unit * shape.queries * shape.valueDim;
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const Index query = chunk * kChunk + warp % 4 * 16 + g + 8 * h - (shape.keys - shape.queries);
#pragma unroll
            for (int n = 0; n < 4; ++n) {
                const int col = col0 + 8 * n + 2 * (lane % 4);
                if (query >= 0 && query < shape.queries && col < shape.valueDim)
                    *reinterpret_cast<std::uint32_t*>(o + query * shape.valueDim + col) = Half<T>::pack(c[n][2 * h], c[n][2 * h + 1]);
            }
        }
    }
};

template <class T, int Stages>
__global__ __launch_bounds__(kThreads, 1) void walkKernel(const Problem p)
{
    extern __shared__ __align__(128) char memory[];
    auto& s = *reinterpret_cast<WalkShared<Stages>*>(memory);
    Walk<T, Stages> walk{p, s, static_cast<Index>(blockIdx.y), static_cast<int>(blockIdx.x) * kSlice};
    for (int at = threadIdx.x; at < static_cast<int>(sizeof(s.state)) / 16; at += kThreads)
        reinterpret_cast<uint4*>(s.state)[at] = make_uint4(0, 0, 0, 0);
    for (int stage = 0; stage < Stages - 1; ++stage)
        walk.copy(stage, stage);
    int stage = 0;
    for (Index chunk = 0; chunk < p.chunks; ++chunk) {
        waitForCopies<Stages - 2>();
        __syncthreads(); // this chunk is here, the state is written, and the chunk before is read
        walk.copy(stage == 0 ? Stages - 1 : stage - 1, chunk + Stages - 1);
        float c[4][4] = {};
        walk.readState(s.stages[stage], c);
        __syncthreads();
        walk.writeState(s.stages[stage], chunk, c);
        stage = stage == Stages - 1 ? 0 : stage + 1;
    }
}

Index unitsOf(const MixerProblem& p) { return p.shape.batch * p.shape.heads; }

Index chunksOf(const MixerProblem& p) { return (p.shape.keys + kChunk - 1) / kChunk; }

template <class T, int Stages>
cudaError_t walkAll(const Problem& p, cudaStream_t stream)
{
    const auto bytes = static_cast<int>(sizeof(WalkShared<Stages>));
    if (const auto status = cudaFuncSetAttribute(walkKernel<T, Stages>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    const dim3 blocks(static_cast<unsigned>((p.given.shape.valueDim + kSlice - 1) / kSlice), static_cast<unsigned>(unitsOf(p.given)));
    walkKernel<T, Stages><<<blocks, kThreads, bytes, stream>>>(p);
    return cudaGetLastError();
}

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
    int device = 0;
    int most = 0;
    auto status = cudaGetDevice(&device);
    if (status == cudaSuccess)
        status = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (status == cudaSuccess)
        status = cudaFuncSetAttribute(prepareKernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (status != cudaSuccess)
        return status;
    prepareKernel<T><<<dim3(static_cast<unsigned>(p.chunks), static_cast<unsigned>(units)), kThreads, bytes, stream>>>(p);
    if (status = cudaGetLastError(); status != cudaSuccess)
        return status;
    return static_cast<std::size_t>(most) >= sizeof(WalkShared<3>) ? walkAll<T, 3>(p, stream) : walkAll<T, 2>(p, stream);
}

} // namespace

bool fitsDeltaChunks(const MixerProblem& p)
{
    const Shape& s = p.shape;
    return bytesOf(p.dtype) == 2 && p.delta && p.logDecay.channel == 0 && s.dim % 8 == 0 && s.valueDim % 8 == 0 && s.dim <= kWide &&
           s.valueDim <= kWide;
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
