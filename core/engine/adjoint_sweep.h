// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of a recurrent mixer's map: adjoints of its queries carried back over the chunks of its tokens.
#pragma once

#include "core/base/run_context.h"
#include "core/engine/mixer_chunk.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

namespace attnscope {

/// Gets the cells [rows, columns of one chunk] whose first column is `col`.
using CellSink = std::function<void(Index col, MatrixView<const float> cells)>;

/// Thread-safe after prepare().
class AdjointSweeps {
public:
    explicit AdjointSweeps(MixerFactors factors) : m_factors(std::move(factors)) {}

    /// Computes what all sweeps share, O(n (C + K) K). False when stopped.
    bool prepare(const RunContext& context);

    const MixerFactors& factors() const { return m_factors; }

    /// The end of the chunk in which the last of these rows stands: all cells from there on are 0.
    Index end(Index row0, Index count) const { return std::min(m_factors.tokens, (chunkOf(row0 + count - 1) + 1) * kMixerChunk); }

    /// Gives the columns [columns.first, min(columns.last, end(row0, count))) of the rows [row0, row0 + count), from right to left,
    /// chunk by chunk. False when stopped.
    bool sweep(Index row0, Index count, KeyRange columns, const RunContext& context, const CellSink& sink) const;

private:
    using Place = std::tuple<Index, Index, Index>; ///< first row, rows, the chunk that was left last

    Index chunkOf(Index row) const { return (row + m_factors.offset()) / kMixerChunk; }
    Index chunks() const { return (m_factors.tokens + kMixerChunk - 1) / kMixerChunk; }
    Index checkpointStep() const { return std::max<Index>(32, chunks() / 8); }
    void store(const MixerChunk& chunk, Index index);
    void ownCells(Index chunk, Index row0, Index first, Index last, KeyRange columns, MatrixView<float> cells) const;
    void startAt(Index chunk, Index row0, Index first, MatrixView<float> x) const;
    bool stepBack(Index chunk, MatrixView<float> x) const;
    Index resume(Index row0, Index count, Index lastChunk, MatrixView<float> x) const;
    void remember(Index row0, Index chunk, MatrixView<const float> x) const;

    MixerFactors m_factors;
    Tensor m_leaving;           ///< [N, K]
    Tensor m_writes;            ///< [M, K]
    Tensor m_erases;            ///< [M, K] or none
    Tensor m_corrects;          ///< [M, K] or none
    Index m_decays = 1;         ///< columns of m_sums
    std::vector<double> m_sums; ///< G before each chunk [chunks + 1, decays]
    mutable std::mutex m_mutex;
    mutable std::map<Place, std::shared_ptr<const Tensor>> m_checkpoints; ///< adjoints of whole blocks of rows, at most 4 N K floats
    mutable Index m_checkpointSize = 0;
};

} // namespace attnscope
