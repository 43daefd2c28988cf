// SPDX-License-Identifier: GPL-3.0-or-later
// A block's work on a chunk of 64 tokens of a 16-bit recurrent mixer, and where its tiles are in shared memory (see mixer_walk.cu).
#pragma once

#include "gpu/kernels/hopper.h"
#include "gpu/kernels/kernel_state.cuh"
#include "gpu/kernels/mixer_tiles.cuh"
#include "gpu/kernels/mixer_walk.h"

namespace attnscope::kernels::walk {

using namespace delta;

constexpr int kWide = static_cast<int>(kWalkColumns);
constexpr int kSlice = 16; // columns of the state in a block
constexpr int kTiles = kSlice / 8;
constexpr int kSquareTile = kChunk * kChunk * 2; // bytes
constexpr int kWideTile = 2 * kSquareTile;       ///< a square of the first 64 columns, then one of the others
constexpr int kSliceTile = kChunk * kSlice * 2;
constexpr int kSteps = kChunk / 16; // of products over a chunk's tokens

struct alignas(1024) Stage {
    char w[kWideTile], q[kWideTile], k[kWideTile], products[kSquareTile], u[kSliceTile];
    float queryRows[kChunk], keyRows[kChunk];
};

template <int Stages>
struct Shared {
    Stage stages[Stages];
    char state[kWide * kSlice * 2], now[kSliceTile], decayed[kSliceTile]; ///< S, u and keyRows u in 16 bits
    hopper::Barrier full[Stages], empty[Stages];                          ///< of mixer_bulk_walk.cu: a stage is here; it is read
};

/// Columns 16 step .. of a wide tile are in this square.
__device__ inline std::uint32_t squareOf(std::uint32_t tile, int step) { return tile + static_cast<std::uint32_t>(step / 4 * kSquareTile); }

template <int Pieces, class T>
__device__ void copyRows(const char* tile, const WalkRows& from, Index unit, Index first, int col0)
{
    copyTile<Pieces>(sharedAddress(tile), static_cast<const T*>(from.data) + unit / from.group * from.rows * from.cols, first - from.offset,
                     from.rows, col0, static_cast<int>(from.cols));
}

template <class T>
__device__ void copyWide(const char* tile, const WalkRows& from, Index unit, Index first)
{
    copyRows<8, T>(tile, from, unit, first, 0);
    copyRows<8, T>(tile + kSquareTile, from, unit, first, kWide / 2);
}

template <class T, int Stages>
struct Walk {
    const WalkProblem& p;
    Shared<Stages>& s;
    Index unit;
    int col0;
    float state[kTiles][4] = {};         ///< rows 16 warp .. of S
    std::uint32_t rows[kWide / 16][4]{}; ///< fragments of W for warps 0 to 3, of Q for the others
    std::uint32_t keys[kSteps][4];       ///< of Kᵀ
    std::uint32_t products[kSteps][4]{}; ///< and of P

    __device__ void copy(int stage, Index chunk) const
    {
        if (chunk < p.chunks) {
            const Index first = chunk * kChunk;
            const Index rows = p.chunks * kChunk;
            Stage& to = s.stages[stage];
            if (p.w)
                copyWide<T>(to.w, {p.w, 1, rows, kWide, 0}, unit, first);
            copyRows<kTiles, T>(to.u, p.u, unit, first, col0);
            copyWide<T>(to.q, p.q, unit, first);
            copyWide<T>(to.k, p.k, unit, first);
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

    /// What the state is multiplied with.
    __device__ void loadRows(const Stage& in)
    {
        const int warp = threadIdx.x / 32;
        if (warp >= 4 || p.w)
#pragma unroll
            for (int step = 0; step < kWide / 16; ++step)
                loadA<8>(rows[step], squareOf(sharedAddress(warp < 4 ? in.w : in.q), step), warp % 4 * 16, step % 4);
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
#pragma unroll
                for (int n = 0; n < kTiles; n += 2) {
                    std::uint32_t b[4];
                    loadB<kTiles>(b, sharedAddress(s.state), step, n);
                    Half<T>::mma(step % 2 == 0 ? c[n] : odd[n], rows[step], b[0], b[1]);
                    Half<T>::mma(step % 2 == 0 ? c[n + 1] : odd[n + 1], rows[step], b[2], b[3]);
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
            loadTransposed(keys[step], pieceAt<8>(squareOf(sharedAddress(in.k), warp), 16 * step + lane / 16 * 8 + lane % 8,
                                                  2 * (warp % 4) + lane / 8 % 2));
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

} // namespace attnscope::kernels::walk
