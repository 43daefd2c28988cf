// SPDX-License-Identifier: GPL-3.0-or-later
// Causal kernel attention on tensor cores: sizes, memory and the tiles in shared memory that its kernels have in common.
#pragma once

#include "gpu/kernels/kernel_state.cuh"

namespace attnscope::kernels::causal {

constexpr int kSegment = 256; // keys between two stored states
constexpr int kRows = 128;    // queries, or rows whose features are made, of a block
constexpr int kTile = 64;     // features, keys and columns that are multiplied at a time
constexpr int kThreads = 256;

struct Problem {
    KernelProblem given;
    Index units;         ///< heads with sums of their own: of keys, or query heads where the map differs by head
    Index segments;      ///< of kSegment keys
    Index halves;        ///< of kRows keys
    int features;        ///< columns of phi in memory: multiples of 64, those without a feature are zeros
    int columns;         ///< 64 or 128
    float down;          ///< products of features are multiplied by so much, which float16 needs
    void* phiQ;          ///< [B H, N, F]
    void* phiK;          ///< [units, M, F]
    float* own;          ///< [units, halves, F]: largest logarithms, base 2; null where the map isn't logarithmic; likewise `shifts`
    float* shifts;       ///< [units, segments, F]: largest logarithms up to the end of the segment
    float* added;        ///< [units, segments, F, C]: the sums of each segment
    float* addedWeights; ///< [units, segments, F]
    void* before;        ///< [units, segments, F, C] in 16 bits: the sums before each segment over the root of how many keys they are of
    float* weights;      ///< [units, segments, F]: likewise, of the weights
};

__host__ __device__ inline bool isLogarithmic(MapKind kind)
{
    return kind == MapKind::Exp || kind == MapKind::ExpPair || kind == MapKind::Hedgehog;
}
__host__ __device__ inline bool hasShifts(MapKind kind) { return isLogarithmic(kind) || kind == MapKind::Trig; }

__device__ inline Index kvUnit(const KernelProblem& p, Index head)
{
    return head / p.shape.heads * p.kvHeads + head % p.shape.heads * p.kvHeads / p.shape.heads;
}
/// The unit whose sums query head `head` reads, and the key head of a unit.
__device__ inline Index unitOf(const Problem& p, Index head) { return p.given.map.perHead ? head : kvUnit(p.given, head); }
__device__ inline Index keysOf(const Problem& p, Index unit) { return p.given.map.perHead ? kvUnit(p.given, unit) : unit; }

/// What the sums before segment `segment` were divided by.
__device__ inline float rootOf(Index segment) { return sqrtf(static_cast<float>(segment * kSegment) + 1.0F); }

/// Rows of Pieces x 8 numbers; 16-byte pieces trade places within a row, so that reads down a column hit different banks.
template <int Pieces>
__device__ std::uint32_t pieceAt(std::uint32_t tile, int row, int piece)
{
    return tile + static_cast<std::uint32_t>(row * Pieces * 16 + ((piece ^ (row & 7)) * 16));
}

/// `Count` rows from `first` on, columns from `col0` on, into a tile; zeros outside [0, last) x [0, cols).
template <int Count, int Pieces, class T>
__device__ void copyTile(std::uint32_t tile, const T* from, Index first, Index last, int col0, int cols)
{
    constexpr int kEach = kThreads / Pieces; // rows at a time
    const int row = static_cast<int>(threadIdx.x) / Pieces;
    const int piece = static_cast<int>(threadIdx.x) % Pieces;
#pragma unroll
    for (int i = 0; i < Count; i += kEach) {
        const Index at = first + row + i;
        const bool there = row + i < Count && at >= 0 && at < last && col0 + piece * 8 < cols;
        if (row + i < Count)
            copyAsync(pieceAt<Pieces>(tile, row + i, piece), there ? from + at * cols + col0 + piece * 8 : from, there);
    }
}

/// Bytes of shared memory that making the features takes.
std::size_t featureShared(const KernelProblem& p);

/// phiK and phiQ, and the shifts where there are any.
cudaError_t launchFeatures(const Problem& p, cudaStream_t stream);

} // namespace attnscope::kernels::causal
