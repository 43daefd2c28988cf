// SPDX-License-Identifier: GPL-3.0-or-later
// One chunk of a recurrent mixer as matrices: how it changes the state, and what its own queries read.
#pragma once

#include "core/engine/chunk_decays.h"

#include <span>
#include <vector>

namespace attnscope {

/// With the state S before the chunk and the values V of its tokens, S' after it and O of its queries are
///
///     Y = Ã S;   S' = e^G S + Ŵᵀ (V - Y)   or   e^G S + Ŵᵀ V + Zᵀ Y where corrections are free
///     O = scale (Q̂ S + D V)
///
/// and the adjoints X of later queries read the chunk's cells X Ŵᵀ and leave it as e^G X + (X Zᵀ) Ã, Z = -Ŵ in the delta rule: what
/// maps are made of (outputs need less: MixerSteps). Yang et al. 2024, arXiv:2406.06484, section 3.
class MixerChunk {
public:
    /// How the chunk's tokens change the state: Ŵ, Ã, Z, e^G.
    void prepareKeys(const MixerFactors& factors, Index chunk);

    /// What its queries read: D, Q̂. After prepareKeys of the same chunk.
    void prepareQueries(const MixerFactors& factors);

    Index first() const { return m_place.first; }                            ///< token
    Index rows() const { return m_place.rows; }                              ///< tokens
    Index firstQuery() const { return m_place.firstQuery; }                  ///< query
    Index queries() const { return m_place.queries; }                        ///< that stand in this chunk; the last rows of D and Q̂
    std::span<const float> decay() const { return m_decays.decay(); }        ///< e^G [1 or K]
    std::span<const double> logDecay() const { return m_decays.logDecay(); } ///< G [1 or K]
    std::span<const double> factors() const { return m_decays.factors(); }   ///< e^G in float64 [1 or K]
    MatrixView<const float> writes() const { return m_writes.matrix; }       ///< Ŵ [rows, K]
    MatrixView<const float> erases() const { return m_erases.matrix; }       ///< Ã [rows, K]
    MatrixView<const float> corrects() const { return m_corrects.matrix; }   ///< Z [rows, K]
    MatrixView<const float> own() const;                                     ///< D [queries, rows], without the scale
    MatrixView<const float> leaving() const;                                 ///< Q̂ [queries, K], without the scale

private:
    void invert(MatrixView<const float> lower, double sign, MatrixView<float> out);

    ChunkPlace m_place;
    Index m_width = 0;
    ChunkDecays m_decays;
    std::vector<double> m_work;      ///< of invert
    MatrixView<const float> m_given; ///< b [rows, K]
    MatrixView<const float> m_grownGiven;
    MatrixView<const float> m_givenCorrects; ///< c [rows, K]
    ChunkBuffer m_plain;                     ///< b, where it is not the input itself
    ChunkBuffer m_plainErases;
    ChunkBuffer m_plainCorrects;
    ChunkBuffer m_grown;
    ChunkBuffer m_grownCorrects;
    ChunkBuffer m_writes;
    ChunkBuffer m_erases;
    ChunkBuffer m_corrects;
    ChunkBuffer m_strict;  ///< a c or a b by decays [rows, rows]
    ChunkBuffer m_other;   ///< a b where corrections are free
    ChunkBuffer m_inverse; ///< (I +- m_strict)^-1
    ChunkBuffer m_own;
    ChunkBuffer m_read; ///< q c by decays
    ChunkBuffer m_product;
    ChunkBuffer m_leaving;
    ChunkBuffer m_absent; ///< queries, where tokens have none
};

} // namespace attnscope
