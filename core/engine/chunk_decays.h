// SPDX-License-Identifier: GPL-3.0-or-later
// The decays within one chunk of a recurrent mixer, and products of rows that they lie between.
#pragma once

#include "core/engine/mixer_factors.h"

#include <algorithm>
#include <span>
#include <vector>

namespace attnscope {

/// Working memory of one matrix, which stays between chunks.
struct ChunkBuffer {
    std::vector<float> data;
    MatrixView<float> matrix; ///< what was made last

    ChunkBuffer() = default;
    ChunkBuffer(ChunkBuffer&&) = default;
    ChunkBuffer& operator=(ChunkBuffer&&) = default;

    MatrixView<float> make(Index rows, Index cols)
    {
        data.resize(std::max(data.size(), static_cast<std::size_t>(rows * cols)));
        return matrix = {data.data(), rows, cols, cols};
    }
};

/// The tokens and queries of one chunk.
struct ChunkPlace {
    Index first = 0;      ///< token
    Index rows = 0;       ///< tokens
    Index firstQuery = 0; ///< query
    Index queries = 0;    ///< that stand in this chunk, at its last tokens

    static ChunkPlace of(const MixerFactors& factors, Index chunk);
};

/// The keys [rows, K] of a chunk, without their strengths.
MatrixView<const float> writtenRows(const MixerFactors& factors, const ChunkPlace& place);

/// b [rows, K] of a chunk, the strengths included.
MatrixView<const float> givenRows(const MixerFactors& factors, const ChunkPlace& place, ChunkBuffer& buffer);

/// The same of a and c.
MatrixView<const float> erasedRows(const MixerFactors& factors, const ChunkPlace& place, ChunkBuffer& buffer);
MatrixView<const float> correctedRows(const MixerFactors& factors, const ChunkPlace& place, ChunkBuffer& buffer);

/// Queries as rows of the chunk [rows, K]; tokens at which none stands get 0.
MatrixView<const float> queryRows(const MixerFactors& factors, const ChunkPlace& place, ChunkBuffer& buffer);

/// G is the sum of log decays from the chunk's beginning. All exponents are differences that are at most 0, or products of such powers
/// where e^-G is finite by far (`tame`). For vector decays the anchored sub-blocks of Yang et al., Gated Linear Attention
/// Transformers, ICML 2024, arXiv:2312.06635, section 4.3.
class ChunkDecays {
public:
    using Rows = MatrixView<const float>;

    void sum(const MixerFactors& factors, const ChunkPlace& place);

    bool any() const { return m_decays > 0; }
    bool tame() const { return m_tame; }
    std::span<const float> decay() const { return m_end; }           ///< e^G [1 or K]
    std::span<const double> logDecay() const { return m_logEnd; }    ///< G [1 or K]
    std::span<const double> factors() const { return m_endFactors; } ///< e^G in float64 [1 or K]

    bool byChannel() const { return m_decays > 1; }

    /// e^G of tokens after their own decay, or before it where `undecayed`; and e^-G after it. One per token, where tame.
    std::span<const float> shrinks(bool undecayed) const { return std::span(m_shrink).subspan(undecayed ? 0 : 1); }
    std::span<const float> growths() const { return std::span(m_grow).subspan(1); }

    /// Rows times e^-G after their own decay, where tame; otherwise the rows themselves.
    Rows grown(Rows from, ChunkBuffer& buffer) const;

    /// Rows times e^G after their own decay, or before it where `undecayed`; row 0 belongs to token `first` of the chunk.
    void decayTo(Rows from, bool undecayed, MatrixView<float> to, Index first = 0) const;

    /// Rows times the decays after them up to the chunk's end.
    void decayToEnd(Rows from, MatrixView<float> to);

    /// Rows that meet in a product, and the same times powers of their decays (where tame).
    struct Side {
        Rows rows;
        Rows powered;
    };

    /// out_rs = sum_c x_rc y_sc e^(E_rc - G_sc) for s <= r, or s < r where strict, 0 elsewhere; E is G before or after the decay of row r.
    void gram(const Side& x, const Side& y, bool undecayed, bool strict, MatrixView<float> out);

private:
    Rows powerRows(const std::vector<float>& powers, Index first) const;
    void gramOfScalars(Rows x, Rows y, bool undecayed, Index more, MatrixView<float> out);
    void gramOfVectors(Rows x, Rows y, bool undecayed, bool strict, MatrixView<float> out);

    Index m_rows = 0;
    Index m_decays = 0;           ///< columns of the log decay; 0: none
    std::vector<double> m_sums;   ///< G before row r [rows + 1, decays]
    std::vector<double> m_logEnd; ///< [decays or 1]
    std::vector<float> m_end;
    std::vector<double> m_endFactors;
    bool m_tame = true;
    std::vector<float> m_shrink; ///< e^G [rows + 1, decays], where tame
    std::vector<float> m_grow;   ///< e^-G
    std::vector<float> m_rowFactors;
    ChunkBuffer m_steps; ///< e^g [rows, decays]
    ChunkBuffer m_left;
    ChunkBuffer m_right;
};

} // namespace attnscope
