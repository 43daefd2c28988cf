// SPDX-License-Identifier: GPL-3.0-or-later
// The products of one chunk of a recurrent mixer, fused: what a block of registers sums up is stored once, triangles as far as they reach.
#pragma once

#include "core/base/tensor.h"

#include <span>

namespace attnscope {

/// Tokens of a chunk at most: the columns of all panels and triangles here.
inline constexpr Index kChunkTokens = 64;

/// Columns of values come in multiples of this: whole vectors of every instruction set.
inline constexpr Index kChunkColumns = 16;

/// panel [K, kChunkTokens] = the rows [n, K] transposed, row r times factors_r where there are any; columns from n on are 0.
void packChunk(MatrixView<const float> rows, std::span<const float> factors, float* panel);

/// f_r x_r of a chunk's tokens: rows and factors that they still wait for [n].
struct ChunkRows {
    MatrixView<const float> x;
    const float* factors;
};

/// lower [n, kChunkTokens]: f_r x_r y_s for s < r, y_s being column s of the panel; 0 from the diagonal to the end of its
/// block (kSolveBlock), the rest is undefined.
void lowerProduct(const ChunkRows& x, const float* panel, float* lower);

/// Keys as a panel, and what they bring [n, V].
struct ChunkKeys {
    const float* panel = nullptr; ///< none: there are no keys of this kind
    MatrixView<const float> values;
};

/// What the queries at the last tokens of a chunk read.
struct ChunkRead {
    ChunkRows queries;             ///< [queries, K]
    Index first = 0;               ///< token of query 0
    bool strict = false;           ///< its own token is no part of the triangles
    MatrixView<const float> state; ///< S [K, V]
    ChunkKeys keys[2];
    const float* own = nullptr; ///< [queries] weights of their own values beside that, or none
    MatrixView<const float> values;
};

/// out_r = f_r (q_r S + sum_s (q_r y_s) v_s over all keys with s <= r, or s < r where strict) + own_r v_r.
void readChunk(const ChunkRead& read, MatrixView<float> out);

/// (I + L) U = V - f a S, or (I - L) U = f a S + E V + .. where there is E, as lowerProduct leaves both; `diagonal` as invertDiagonal
/// leaves the inverses of I +- L.
struct ChunkSystem {
    ChunkRows erases; ///< a
    MatrixView<const float> state;
    const float* lower = nullptr;
    const float* other = nullptr; ///< E or none
    MatrixView<const float> diagonal;
    MatrixView<const float> values;
};

/// U [n, V].
void solveChunk(const ChunkSystem& system, MatrixView<float> u);

/// How a state changes from chunk to chunk.
struct ChunkWrites {
    ChunkKeys keys[2];
    std::span<const double> decays; ///< e^G [1 or K]
    bool shared = false;            ///< by what the chunk adds
};

/// S = e^G (S + sum_s y_s v_sᵀ) where shared, or e^G S + sum_s y_s v_sᵀ; sums [K, V] in float64, rounded is the same in float32.
void advanceChunk(const ChunkWrites& writes, std::span<double> sums, MatrixView<float> rounded);

} // namespace attnscope
