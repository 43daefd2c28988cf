// SPDX-License-Identifier: GPL-3.0-or-later
// Tiles of 64 tokens in shared memory, as the kernels of the delta rule copy and read them.
#pragma once

#include "gpu/kernels/tensor_core.cuh"

#include "core/base/shape.h"

namespace attnscope::kernels::delta {

constexpr int kChunk = 64;
constexpr int kThreads = 256;

/// Pieces of 16 bytes in a row of 8 or 16 trade places, so that reads down a column hit different banks; rows of 4 by twos, rows of 2
/// by fours.
template <int Pieces>
__device__ std::uint32_t pieceAt(std::uint32_t tile, int row, int piece)
{
    const int swap = Pieces == 2 ? row >> 2 & 1 : Pieces == 4 ? row >> 1 & 3 : row & 7;
    return tile + static_cast<std::uint32_t>(row * Pieces * 16 + ((piece ^ swap) * 16));
}

/// 64 rows from `first` on, Pieces x 8 columns from `col0` on; zeros outside [0, last) x [0, cols).
template <int Pieces, class T>
__device__ void copyTile(std::uint32_t tile, const T* from, Index first, Index last, int col0, int cols)
{
    constexpr int kRows = kThreads / Pieces; // at a time; a multiple of 8, so that pieces stay where they are
    const int row = static_cast<int>(threadIdx.x) / Pieces;
    const int piece = static_cast<int>(threadIdx.x) % Pieces;
    if (kRows > kChunk && row >= kChunk)
        return;
    const bool in = col0 + piece * 8 < cols;
    const int lowest = static_cast<int>(max(-first, Index{0})) - row;
    const int highest = in ? static_cast<int>(min(last - first, Index{kChunk})) - row : 0;
    const T* const mine = from + (first + row) * cols + col0 + piece * 8;
    const std::uint32_t to = pieceAt<Pieces>(tile, row, piece);
#pragma unroll
    for (int i = 0; i < kChunk; i += kRows) {
        const bool there = i >= lowest && i < highest;
        copyAsync(to + static_cast<std::uint32_t>(i * Pieces * 16), there ? mine + i * cols : from, there);
    }
}

/// A fragment of 16 x 16 from row `row0` and 16-column `step` of a tile.
template <int Pieces>
__device__ void loadA(std::uint32_t (&a)[4], std::uint32_t tile, int row0, int step)
{
    const int lane = threadIdx.x % 32;
    loadMatrices(a, pieceAt<Pieces>(tile, row0 + lane % 16, 2 * step + lane / 16));
}

/// B fragments of two 8-column tiles from the 16 rows `step` of a tile, which are summed over.
template <int Pieces>
__device__ void loadB(std::uint32_t (&b)[4], std::uint32_t tile, int step, int column)
{
    const int lane = threadIdx.x % 32;
    loadTransposed(b, pieceAt<Pieces>(tile, 16 * step + lane / 8 % 2 * 8 + lane % 8, column + lane / 16));
}

} // namespace attnscope::kernels::delta
