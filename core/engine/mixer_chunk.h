// SPDX-License-Identifier: GPL-3.0-or-later
// One chunk of a recurrent mixer as matrices: how it changes the state, and what its own queries read.
#pragma once

#include "core/compute/scratch.h"
#include "core/engine/mixer_factors.h"

#include <span>
#include <vector>

namespace attnscope {

/// With the state S before the chunk and the values V of its tokens, S' after it and O of its queries are
///
///     Y = Ã S;   S' = e^G S + Ŵᵀ (V - Y)   or   e^G S + Ŵᵀ V + Zᵀ Y where corrections are free
///     O = scale (Q̂ S + D V)
///
/// and the adjoints X of later queries read the chunk's cells X Ŵᵀ and leave it as e^G X + (X Zᵀ) Ã, Z = -Ŵ in the delta rule.
/// All exponents are differences that are at most 0. Yang et al. 2024, arXiv:2406.06484, section 3; for vector decays the anchored
/// sub-blocks of Yang et al., Gated Linear Attention Transformers, ICML 2024, arXiv:2312.06635, section 4.3.
class MixerChunk {
public:
    /// How the chunk's tokens change the state: Ŵ, Ã, Z, e^G.
    void prepareKeys(const MixerFactors& factors, Index chunk);

    /// What its queries read: D, Q̂. After prepareKeys of the same chunk.
    void prepareQueries(const MixerFactors& factors);

    Index first() const { return m_first; }                               ///< token
    Index rows() const { return m_rows; }                                 ///< tokens
    Index firstQuery() const { return m_firstQuery; }                     ///< query
    Index queries() const { return m_queries; }                           ///< that stand in this chunk; the last rows of D and Q̂
    std::span<const float> decay() const { return m_end; }                ///< e^G [1 or K]
    std::span<const double> logDecay() const { return m_logEnd; }         ///< G [1 or K]
    std::span<const double> factors() const { return m_endFactors; }      ///< e^G in float64 [1 or K]
    MatrixView<const float> writes() const { return view(m_writes); }     ///< Ŵ [rows, K]
    MatrixView<const float> erases() const { return view(m_erases); }     ///< Ã [rows, K]
    MatrixView<const float> corrects() const { return view(m_corrects); } ///< Z [rows, K]
    MatrixView<const float> own() const;                                  ///< D [queries, rows], without the scale
    MatrixView<const float> leaving() const;                              ///< Q̂ [queries, K], without the scale

private:
    struct Buffer {
        std::vector<float> data;
        Index cols = 0;
    };

    MatrixView<float> make(Buffer& buffer, Index cols) const;
    MatrixView<const float> view(const Buffer& b) const { return {b.data.data(), b.data.empty() ? 0 : m_rows, b.cols, b.cols}; }
    double exponent(Index row, Index c, bool undecayed) const;
    void sumDecays(const MixerFactors& factors);
    void copyWrites(const MixerFactors& factors);
    void decayTo(MatrixView<const float> from, bool undecayed, MatrixView<float> to) const;
    void decayToEnd(MatrixView<const float> from, MatrixView<float> to);
    MatrixView<const float> powerRows(const std::vector<float>& powers, Index first) const;
    MatrixView<const float> grown(MatrixView<const float> from, Buffer& buffer) const;

    /// Rows that meet in a product, and the same times powers of their decays (where `m_tame`).
    struct Side {
        MatrixView<const float> rows;
        MatrixView<const float> powered;
    };
    void gram(const Side& x, const Side& y, bool undecayed, bool strict, MatrixView<float> out);
    void gramOfScalars(MatrixView<const float> x, MatrixView<const float> y, bool undecayed, Index limit, MatrixView<float> out);
    void gramOfVectors(MatrixView<const float> x, MatrixView<const float> y, bool undecayed, bool strict, MatrixView<float> out);
    void invert(MatrixView<const float> lower, double sign, MatrixView<float> out);

    Index m_first = 0;
    Index m_rows = 0;
    Index m_firstQuery = 0;
    Index m_queries = 0;
    Index m_width = 0;
    Index m_decays = 0;           ///< columns of the log decay; 0: none
    std::vector<double> m_sums;   ///< G before row r [rows + 1, decays]
    std::vector<double> m_logEnd; ///< [decays or 1]
    std::vector<float> m_end;
    std::vector<double> m_endFactors;
    bool m_tame = true;          ///< e^-G is finite by far: products of rows times e^G with rows times e^-G are the decayed ones
    std::vector<float> m_shrink; ///< e^G [rows + 1, decays], where tame
    std::vector<float> m_grow;   ///< e^-G
    std::vector<float> m_rowFactors;
    std::vector<double> m_work;      ///< of invert
    MatrixView<const float> m_given; ///< b [rows, K]
    MatrixView<const float> m_grownGiven;
    Buffer m_steps; ///< e^g [rows, decays]
    Buffer m_plain; ///< b, where it is not the input itself
    Buffer m_grown;
    Buffer m_grownCorrects;
    Buffer m_writes;
    Buffer m_erases;
    Buffer m_corrects;
    Buffer m_strict;  ///< a c or a b by decays [rows, rows]
    Buffer m_other;   ///< a b where corrections are free
    Buffer m_inverse; ///< (I +- m_strict)^-1
    Buffer m_own;
    Buffer m_read; ///< q c by decays
    Buffer m_product;
    Buffer m_leaving;
    Buffer m_queryRows;
    Buffer m_left; ///< of gramOfVectors
    Buffer m_right;
};

} // namespace attnscope
