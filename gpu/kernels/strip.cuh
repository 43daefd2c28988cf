// SPDX-License-Identifier: GPL-3.0-or-later
// Tiles of 128 x 128 cells of a map, strip after strip, by the tensor cores (sm_80 and newer): what a tile is made into, an Epilogue says.
//
// A block keeps 128 rows of the left operands in shared memory and lets the right ones stream past, three pieces of 64 columns ahead.
#pragma once

#include "gpu/kernels/map.h"
#include "gpu/kernels/mma.cuh"
#include "gpu/kernels/softmax_rows.cuh"

namespace attnscope::kernels {

constexpr int kTile = 128;
constexpr int kStripWarps = 8;
constexpr int kStripThreads = 32 * kStripWarps;
constexpr int kStages = 3;
constexpr int kChunk = kTile * 64; // numbers of one 128 x 64 piece

/// Rows and columns of cells that a launch covers; tiles start at its corner.
struct StripArea {
    Index row0, rowEnd, col0, colEnd;
    int tilesPerBlock; ///< columns of tiles, one after the other
};

/// One product of a tile: left [rows, width] times right [cols, width] transposed.
template <class T>
struct StripTerm {
    const T* left;
    const T* right;
    Index leftPart, rightPart; ///< numbers from a high part to its low part
    Index rows, cols;
    int width; ///< a multiple of 8
    __host__ __device__ int chunks() const { return (width + 63) / 64; }
};

template <class T, int Parts>
struct Strip {
    StripTerm<T> terms[2];
    int termCount;
    T* left;   // shared: [terms][chunks][parts][128 x 64]
    T* stages; // shared: [kStages][parts][128 x 64]

    __host__ __device__ int chunks() const { return terms[0].chunks() + (termCount == 2 ? terms[1].chunks() : 0); }

    __device__ void copyLeft(Index row0) const
    {
        T* to = copyLeftTerm(terms[0], row0, left);
        if (termCount == 2)
            copyLeftTerm(terms[1], row0, to);
    }
    __device__ T* copyLeftTerm(const StripTerm<T>& term, Index row0, T* to) const
    {
        for (int c = 0; c < term.chunks(); ++c)
            for (int p = 0; p < Parts; ++p, to += kChunk)
                copyTile<kTile, kStripThreads>(to, term.left + p * term.leftPart, row0, term.rows, c * 64, term.width);
        return to;
    }
    /// Piece `step` of the strip: all chunks of one tile, then of the next.
    __device__ void copyRight(int step, int tiles, Index col0) const
    {
        const int each = chunks();
        if (step < tiles * each) {
            const int first = terms[0].chunks();
            const int at = step % each;
            const bool second = at >= first;
            const T* from = second ? terms[1].right : terms[0].right;
            const Index part = second ? terms[1].rightPart : terms[0].rightPart;
            const int width = second ? terms[1].width : terms[0].width;
            const int c = second ? at - first : at;
            T* to = stages + step % kStages * Parts * kChunk;
            for (int p = 0; p < Parts; ++p)
                copyTile<kTile, kStripThreads>(to + p * kChunk, from + p * part, col0 + static_cast<Index>(step / each) * kTile,
                                               terms[0].cols, c * 64, width);
        }
        commitCopies();
    }
    /// acc += the product of one chunk, smallest parts first.
    __device__ void multiplyChunk(float (&acc)[kTile / 2], int chunk, int step) const
    {
        const T* a = left + chunk * Parts * kChunk;
        const T* b = stages + step % kStages * Parts * kChunk;
        const int row = static_cast<int>(threadIdx.x) / 32 * 16;
        if constexpr (Parts == 2) {
            addProducts<kTile, kTile, 1>(acc, a + kChunk, row, b);
            addProducts<kTile, kTile, 1>(acc, a, row, b + kChunk);
        }
        addProducts<kTile, kTile, 1>(acc, a, row, b);
    }
};

template <class T>
StripTerm<T> termOf(const MapOperand& left, const MapOperand& right)
{
    return {static_cast<const T*>(left.data),
            static_cast<const T*>(right.data),
            left.rows * left.width,
            right.rows * right.width,
            left.rows,
            right.rows,
            static_cast<int>(left.width)};
}

/// Bytes of shared memory of a strip.
template <class T, int Parts>
constexpr std::size_t stripBytes(int chunks)
{
    return sizeof(T) * static_cast<std::size_t>(kChunk) * Parts * static_cast<std::size_t>(chunks + kStages);
}

/// epilogue.betweenTerms(acc, row, col) after the first of two terms, epilogue.tile(acc, row, col) after the last one, where (row, col) is
/// the thread's first cell; epilogue.end(row) after the strip.
template <class T, int Parts, class Epilogue>
__device__ void runStrip(Strip<T, Parts> strip, const StripArea& area, Epilogue& epilogue)
{
    extern __shared__ __align__(16) unsigned char raw[];
    strip.left = reinterpret_cast<T*>(raw);
    strip.stages = strip.left + strip.chunks() * Parts * kChunk;
    const int chunks = strip.chunks();
    const int firstChunks = strip.terms[0].chunks();
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const Index tileRow = area.row0 + static_cast<Index>(blockIdx.x) * kTile;
    const Index tileCol = area.col0 + static_cast<Index>(blockIdx.y) * area.tilesPerBlock * kTile;
    const Index row = tileRow + static_cast<int>(threadIdx.x) / 32 * 16 + lane / 4;
    const int tiles = static_cast<int>(
        min(static_cast<Index>(area.tilesPerBlock), (epilogue.lastCol(tileRow, kTile, area) - tileCol + kTile - 1) / kTile));
    if (tiles > 0) {
        strip.copyLeft(tileRow);
        for (int step = 0; step < kStages - 1; ++step)
            strip.copyRight(step, tiles, tileCol);
    }
    for (int tile = 0, step = 0; tile < tiles; ++tile) {
        const Index col = tileCol + static_cast<Index>(tile) * kTile + lane % 4 * 2;
        float acc[kTile / 2] = {};
        for (int chunk = 0; chunk < chunks; ++chunk, ++step) {
            awaitCopies<kStages - 2>();
            __syncthreads();
            strip.copyRight(step + kStages - 1, tiles, tileCol);
            if (strip.termCount == 2 && chunk == firstChunks)
                epilogue.betweenTerms(acc, row, col);
            strip.multiplyChunk(acc, chunk, step);
        }
        epilogue.tile(acc, row, col);
    }
    epilogue.end(row);
}

} // namespace attnscope::kernels
