// SPDX-License-Identifier: GPL-3.0-or-later
// Log-linear attention of one head: gates by token, weights by Fenwick level, any tile of the map, and its product with V.
// Guo et al., Log-Linear Attention, 2025, arXiv:2506.04761.
#pragma once

#include "core/engine/fenwick.h"
#include "core/method/inputs.h"
#include "core/scores/score_source.h"

#include <memory>
#include <vector>

namespace attnscope {

/// What log-linear attention weighs with where the input has no arrays "g" and "lambda".
struct LogLinearConstants {
    double logDecay = 0.0; ///< of every token
    double lambda = 1.0;   ///< of level 0
    double ratio = 1.0;    ///< of a level to the one below
};

/// map_ij = lambda_i^(level(i, j)) (q_i . k_j) e^(G_i - G_j). Places count keys: query i stands at i + M - N.
class LogLinearHead {
public:
    /// InvalidShape where "g" isn't one number per key, or "lambda" has neither one column nor as many as there are levels;
    /// InvalidParam where a log decay is positive.
    static Result<LogLinearHead> make(const Inputs& inputs, HeadRef head, const LogLinearConstants& constants);

    Index queries() const { return m_q.rows; }
    Index keys() const { return m_k.rows; }
    MatrixView<const float> k() const { return m_k; }
    Index place(Index query) const { return query + m_k.rows - m_q.rows; }
    double decayTo(Index place, Index from) const; ///< e^(G_place - G_from)
    double weight(Index place, int level) const;   ///< lambda_place^(level)
    MatrixView<const float> queryAt(Index place, Index count) const { return m_q.rowRange(place - place0(), count); }
    Index place0() const { return place(0); } ///< of the first query

    /// out [rows, cols] = map of the queries at place0 ... and the keys from col0 on. At most a few hundred rows.
    void tile(Index place, Index col0, MatrixView<float> out) const;

private:
    void decay(Index place, Index col0, MatrixView<float> out) const;
    void weigh(Index place, Index col0, std::span<float> row) const;

    MatrixView<const float> m_q;
    MatrixView<const float> m_k;
    std::vector<double> m_cumulative; ///< G of each key
    MatrixView<const float> m_lambda; ///< [1 or N or M, 1 or levels]; empty: constants
    std::vector<double> m_levels;     ///< the constants' weight of each level
};

/// out [N, Dv] = map V in time O(N log M), by states of chunks merged pairwise; 8 D Dv / chunk bytes a key. False when stopped.
bool multiplyLogLinear(const LogLinearHead& head, MatrixView<const float> v, MatrixView<float> out, const RunContext& context);

/// The same token by token with one state per level, as in decoding; one thread.
bool decodeLogLinear(const LogLinearHead& head, MatrixView<const float> v, MatrixView<float> out, const RunContext& context);

/// Keeps `inputs` alive by its owner.
std::shared_ptr<const ScoreSource> makeLogLinearSource(const Inputs& inputs, LogLinearHead head);

/// Keys of a chunk.
constexpr Index kLogLinearChunk = 128;

/// Bytes of the states that multiplyLogLinear() keeps.
double logLinearStateBytes(Index keys, Index dim, Index valueDim);

} // namespace attnscope
