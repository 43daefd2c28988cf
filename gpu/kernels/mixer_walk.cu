// SPDX-License-Identifier: GPL-3.0-or-later
// Walks 16-bit recurrent mixers through their chunks of 64 tokens, a block for some columns of the state.
//
// Ladder (version, prediction, measured on an H100 with bf16, H = 16, D = 128, n = 16,384; 2026-11-23):
//   1  the state in float32 registers, slices of 32 columns, the next chunks on their way while these are multiplied; Gated DeltaNet
//      0.692 ms. Lesson: a chunk took 2.7 us, most of it in computing addresses.
//   2  pieces that a thread copies lie at fixed distances: 0.58 ms.
//   3  slices of 16 columns, so that 128 multiprocessors work in place of 64; what u is multiplied with is in registers before u is
//      there. Predicted 0.4 ms; 0.50 to 0.52 ms. Lesson: without copies it takes 0.30 ms, so each slice's own copy of W, Q and K counts.
//   4  copies start before the state is read: 0.496 ms. With lines of later chunks fetched into L2 0.59 ms, with 512 threads for 32
//      columns 0.74 ms: neither stayed.
#include "gpu/kernels/mixer_walk.h"

#include "gpu/kernels/kernel_state.cuh"
#include "gpu/kernels/mixer_tiles.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using namespace delta;

constexpr int kWide = static_cast<int>(kWalkColumns);
constexpr int kSlice = 16; // columns of the state in a block
constexpr int kTiles = kSlice / 8;
constexpr int kWideTile = kChunk * kWide * 2; // bytes
constexpr int kSquareTile = kChunk * kChunk * 2;
constexpr int kSliceTile = kChunk * kSlice * 2;
constexpr int kSteps = kChunk / 16; // of products over a chunk's tokens

struct Stage {
    char w[kWideTile], q[kWideTile], k[kWideTile], products[kSquareTile], u[kSliceTile];
    float queryRows[kChunk], keyRows[kChunk];
};

template <int Stages>
struct Shared {
    Stage stages[Stages];
    char state[kWide * kSlice * 2], now[kSliceTile], decayed[kSliceTile]; ///< S, u and keyRows u in 16 bits
};

template <int Pieces, class T>
__device__ void copyRows(const char* tile, const WalkRows& from, Index unit, Index first, int col0)
{
    copyTile<Pieces>(sharedAddress(tile), static_cast<const T*>(from.data) + unit / from.group * from.rows * from.cols, first - from.offset,
                     from.rows, col0, static_cast<int>(from.cols));
}

template <class T, int Stages>
struct Walk {
    const WalkProblem& p;
    Shared<Stages>& s;
    Index unit;
    int col0;
    float state[kTiles][4] = {};         ///< rows 16 warp .. of S
    std::uint32_t keys[kSteps][4];       ///< fragments of Kᵀ
    std::uint32_t products[kSteps][4]{}; ///< and of P

    __device__ void copy(int stage, Index chunk) const
    {
        if (chunk < p.chunks) {
            const Index first = chunk * kChunk;
            const Index rows = p.chunks * kChunk;
            Stage& to = s.stages[stage];
            if (p.w)
                copyTile<16>(sharedAddress(to.w), static_cast<const T*>(p.w) + unit * rows * kWide, first, rows, 0, kWide);
            copyRows<kTiles, T>(to.u, p.u, unit, first, col0);
            copyRows<16, T>(to.q, p.q, unit, first, 0);
            copyRows<16, T>(to.k, p.k, unit, first, 0);
            copyTile<8>(sharedAddress(to.products), static_cast<const T*>(p.products) + unit * rows * kChunk, first, rows, 0, kChunk);
            if (threadIdx.x < 2 * kChunk / 4 && p.queryRows) {
                const int at = static_cast<int>(threadIdx.x) * 4;
                const float* const from =
                    at < kChunk ? p.queryRows + unit * rows + first + at : p.keyRows + unit * rows + first + at - kChunk;
                copyAsync(sharedAddress(to.queryRows) + static_cast<std::uint32_t>(at * 4), from, true);
            }
        }
        commitCopies();
    }

    /// Before the first chunk.
    __device__ void clear()
    {
        for (int at = threadIdx.x; at < static_cast<int>(sizeof(s.state)) / 16; at += kThreads)
            reinterpret_cast<uint4*>(s.state)[at] = make_uint4(0, 0, 0, 0);
        if (!p.queryRows && threadIdx.x < kChunk)
            for (Stage& stage : s.stages)
                stage.queryRows[threadIdx.x] = stage.keyRows[threadIdx.x] = 1.0F;
    }

    /// Where columns 8 n + 2 t of row `row` are in a tile of kSlice columns.
    __device__ static int at(int row, int n)
    {
        return static_cast<int>(pieceAt<kTiles>(0, row, n)) + static_cast<int>(threadIdx.x) % 4 * 4;
    }

    /// c = W S for warps 0 to 3, queryRows Q S for the others; then u for all, from the first.
    __device__ void readState(const Stage& in, float (&c)[kTiles][4])
    {
        const int warp = threadIdx.x / 32;
        const int g = threadIdx.x % 32 / 4;
        const int row0 = warp % 4 * 16;
        if (warp >= 4 || p.w) {
            float odd[kTiles][4] = {}; // half of the sum, so that products wait for each other half as long
#pragma unroll
            for (int step = 0; step < kWide / 16; ++step) {
                std::uint32_t a[4];
                loadA<16>(a, sharedAddress(warp < 4 ? in.w : in.q), row0, step);
#pragma unroll
                for (int n = 0; n < kTiles; n += 2) {
                    std::uint32_t b[4];
                    loadB<kTiles>(b, sharedAddress(s.state), step, n);
                    Half<T>::mma(step % 2 == 0 ? c[n] : odd[n], a, b[0], b[1]);
                    Half<T>::mma(step % 2 == 0 ? c[n + 1] : odd[n + 1], a, b[2], b[3]);
                }
            }
#pragma unroll
            for (int n = 0; n < kTiles; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    c[n][i] += odd[n][i];
        }
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int row = row0 + g + 8 * h;
            const float factor = warp < 4 ? in.keyRows[row] : in.queryRows[row];
#pragma unroll
            for (int n = 0; n < kTiles; ++n) {
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

    /// What the second half of a chunk multiplies u with, ahead of the barrier.
    __device__ void loadFactors(const Stage& in)
    {
        const int warp = threadIdx.x / 32;
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int step = 0; step < kSteps; ++step) {
            loadTransposed(keys[step], pieceAt<16>(sharedAddress(in.k), 16 * step + lane / 16 * 8 + lane % 8, 2 * warp + lane / 8 % 2));
            if (warp >= 4)
                loadA<8>(products[step], sharedAddress(in.products), warp % 4 * 16, step);
        }
    }

    /// S' for all warps, and the outputs of warps 4 to 7.
    __device__ void writeState(Index chunk, const float (&decay)[2], float (&c)[kTiles][4])
    {
        const int warp = threadIdx.x / 32;
        const int g = threadIdx.x % 32 / 4;
#pragma unroll
        for (auto& tile : state)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                tile[i] *= decay[i / 2];
#pragma unroll
        for (int step = 0; step < kSteps; ++step)
#pragma unroll
            for (int n = 0; n < kTiles; n += 2) {
                std::uint32_t b[4];
                loadB<kTiles>(b, sharedAddress(s.decayed), step, n);
                Half<T>::mma(state[n], keys[step], b[0], b[1]);
                Half<T>::mma(state[n + 1], keys[step], b[2], b[3]);
            }
#pragma unroll
        for (int h = 0; h < 2; ++h)
#pragma unroll
            for (int n = 0; n < kTiles; ++n)
                *reinterpret_cast<std::uint32_t*>(s.state + at(16 * warp + g + 8 * h, n)) =
                    Half<T>::pack(state[n][2 * h], state[n][2 * h + 1]);
        if (warp >= 4)
            writeOutputs(chunk, c);
    }

    __device__ void writeOutputs(Index chunk, float (&c)[kTiles][4])
    {
        const int warp = threadIdx.x / 32;
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int step = 0; step < kSteps; ++step)
#pragma unroll
            for (int n = 0; n < kTiles; n += 2) {
                std::uint32_t b[4];
                loadB<kTiles>(b, sharedAddress(s.now), step, n);
                Half<T>::mma(c[n], products[step], b[0], b[1]);
                Half<T>::mma(c[n + 1], products[step], b[2], b[3]);
            }
        T* const o = static_cast<T*>(p.o) + unit * p.queries * p.valueDim;
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const Index query = chunk * kChunk + warp % 4 * 16 + lane / 4 + 8 * h - p.offset;
#pragma unroll
            for (int n = 0; n < kTiles; ++n) {
                const int col = col0 + 8 * n + 2 * (lane % 4);
                if (query < 0 || query >= p.queries || col >= p.valueDim)
                    continue;
                T* const to = o + query * p.valueDim + col;
                if (p.valueDim % 2 == 0)
                    *reinterpret_cast<std::uint32_t*>(to) = Half<T>::pack(c[n][2 * h], c[n][2 * h + 1]);
                else {
                    to[0] = Half<T>::make(c[n][2 * h]);
                    if (col + 1 < p.valueDim)
                        to[1] = Half<T>::make(c[n][2 * h + 1]);
                }
            }
        }
    }
};

template <class T, int Stages>
__global__ __launch_bounds__(kThreads, 1) void walkKernel(const WalkProblem p)
{
    extern __shared__ __align__(128) char memory[];
    auto& s = *reinterpret_cast<Shared<Stages>*>(memory);
    Walk<T, Stages> walk{p, s, static_cast<Index>(blockIdx.y), static_cast<int>(blockIdx.x) * kSlice};
    walk.clear();
    for (int stage = 0; stage < Stages - 1; ++stage)
        walk.copy(stage, stage);
    const Index row = p.decayWidth == 1 ? 0 : threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
    const float* const decays = p.decays + walk.unit * p.chunks * p.decayWidth + row;
    int stage = 0;
    for (Index chunk = 0; chunk < p.chunks; ++chunk) {
        const float decay[2] = {__ldg(decays + chunk * p.decayWidth), __ldg(decays + chunk * p.decayWidth + (p.decayWidth == 1 ? 0 : 8))};
        waitForCopies<Stages - 2>();
        __syncthreads(); // this chunk is here, the state is written, and the chunk before is read
        float c[kTiles][4] = {};
        walk.copy(stage == 0 ? Stages - 1 : stage - 1, chunk + Stages - 1);
        walk.readState(s.stages[stage], c);
        walk.loadFactors(s.stages[stage]);
        __syncthreads();
        walk.writeState(chunk, decay, c);
        stage = stage == Stages - 1 ? 0 : stage + 1;
    }
}

template <class T, int Stages>
cudaError_t launch(const WalkProblem& p, cudaStream_t stream)
{
    const auto bytes = static_cast<int>(sizeof(Shared<Stages>));
    if (const auto status = cudaFuncSetAttribute(walkKernel<T, Stages>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    const dim3 blocks(static_cast<unsigned>((p.valueDim + kSlice - 1) / kSlice), static_cast<unsigned>(p.units));
    walkKernel<T, Stages><<<blocks, kThreads, bytes, stream>>>(p);
    return cudaGetLastError();
}

template <class T>
cudaError_t launchOf(const WalkProblem& p, cudaStream_t stream)
{
    int device = 0;
    int most = 0;
    auto status = cudaGetDevice(&device);
    if (status == cudaSuccess)
        status = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (status != cudaSuccess)
        return status;
    return static_cast<std::size_t>(most) >= sizeof(Shared<3>) ? launch<T, 3>(p, stream) : launch<T, 2>(p, stream);
}

} // namespace

bool canWalk(Dtype dtype)
{
    constexpr int kWidest = 120 * 1024; // two stages of either kind, and what prepares them
    int device = 0;
    int most = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) == cudaSuccess &&
           most >= (bytesOf(dtype) == 2 ? std::max(static_cast<int>(sizeof(Shared<2>)), kWidest) : kWidest);
}

cudaError_t launchWalk(const WalkProblem& p, cudaStream_t stream)
{
    return p.dtype == Dtype::BF16 ? launchOf<__nv_bfloat16>(p, stream) : launchOf<__half>(p, stream);
}

} // namespace attnscope::kernels
