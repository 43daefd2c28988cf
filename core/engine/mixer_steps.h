// SPDX-License-Identifier: GPL-3.0-or-later
// The outputs of a recurrent mixer chunk by chunk: what a chunk is made of before its state is known, and the steps with it.
#pragma once

#include "core/compute/chunk_products.h"
#include "core/compute/scratch.h"
#include "core/engine/chunk_decays.h"

#include <vector>

namespace attnscope {

/// With the state S before the chunk and the values V of its tokens
///
///     delta rules:       (I + L) U = V - Ã S;                     S' = e^G S + Bᵀ U;            O = scale (Q̂ S + D U)
///     free corrections:  (I - L) U = Ã S + E V;                   S' = e^G S + Bᵀ V + Cᵀ U;     O = scale (Q̂ S + D V + R U)
///     no erasure:                                                 S' = e^G S + Bᵀ V;            O = scale (Q̂ S + D V)
///
/// where L, E, D and R are lower triangles of products of rows (a c or a b, a b, q b, q c) with the decays between them. The systems
/// are solved rather than inverted, and triangles take half a product. Yang et al. 2024, arXiv:2406.06484, section 3.2. Where e^-G is
/// tame and values fill whole vectors the products of a chunk are fused (chunk_products.h), and decays of whole tokens are factors of
/// its rows.
class MixerSteps {
public:
    using Rows = MatrixView<const float>;

    /// What needs no state: Ã, B, C, Q̂, all triangles. For values of that width.
    void prepare(const MixerFactors& factors, Index chunk, Index valueDim);

    /// B alone, which is all that a state without erasure needs.
    void prepareWrites(const MixerFactors& factors, Index chunk, Index valueDim);

    const ChunkPlace& place() const { return m_place; }
    bool erases() const { return m_kind != Kind::Plain; }

    /// U [rows, V] of the chunk, by way of `work` of the same size; columns of V may be a part of them. Only under erasure.
    void solve(Rows state, Rows v, MatrixView<float> work, MatrixView<float> u) const;

    /// added [K, V], so that S' = e^G S + share added.
    void writeInto(Rows v, Rows u, MatrixView<float> added) const;

    /// sums [K, V] become those of S', rounded the same in float32; by way of `added` of that size, where the products are not fused.
    void advance(Rows v, Rows u, MatrixView<float> added, std::span<double> sums, MatrixView<float> rounded) const;

    std::span<const double> factors() const { return m_decays.factors(); } ///< e^G [1 or K]
    double factor(Index row) const { return factors()[factors().size() > 1 ? static_cast<std::size_t>(row) : 0]; }
    double share(Index row) const { return m_endsGrown ? factor(row) : 1.0; }
    bool endsGrown() const { return m_endsGrown; } ///< B and C wait for the decay of the whole chunk: the share is e^G

    /// O [queries, V].
    void answer(const MixerFactors& factors, Rows state, Rows v, Rows u, MatrixView<float> out) const;

private:
    enum class Kind { Plain, Delta, Free };

    /// Rows of the chunk and their strengths, of one for each token of all.
    struct Strong {
        Rows rows;
        Rows strength;
    };
    const float* packed(const Strong& from, ChunkBuffer& grown, Scratch& memory);
    ChunkRows waiting(Rows from, bool undecayed, float scale, ChunkBuffer& buffer, std::vector<float>& factors) const;
    void prepareErasure(const MixerFactors& factors);
    void prepareFusedErasure(const MixerFactors& factors);
    ChunkRead readOf(const MixerFactors& factors, Rows state, Rows v, Rows u) const;
    void prepareReads(const MixerFactors& factors);
    Rows ends(Rows given, Rows grown, ChunkBuffer& buffer);
    Rows decayed(Rows from, bool undecayed, ChunkBuffer& buffer) const;
    Rows ofQueries(Rows rows) const { return rows.rowRange(m_place.rows - m_place.queries, m_place.queries); }

    Kind m_kind = Kind::Plain;
    ChunkPlace m_place;
    ChunkDecays m_decays;
    bool m_endsGrown = false;
    Rows m_given;
    Rows m_grownGiven;
    Rows m_grownCorrects;
    Rows m_writes;   ///< B [rows, K]
    Rows m_corrects; ///< C
    Rows m_erases;   ///< Ã
    Rows m_leaving;  ///< Q̂
    ChunkBuffer m_lower;
    ChunkBuffer m_diagonal; ///< inverses along the diagonal of I +- L
    ChunkBuffer m_other;    ///< E
    ChunkBuffer m_own;      ///< D
    ChunkBuffer m_read;     ///< R
    ChunkBuffer m_plain;    ///< working memory of the rows above, where they are not the inputs themselves
    ChunkBuffer m_grown;
    ChunkBuffer m_grownC;
    ChunkBuffer m_endWrites;
    ChunkBuffer m_endCorrects;
    ChunkBuffer m_decayedErases;
    ChunkBuffer m_decayedQueries;
    ChunkBuffer m_absent;
    bool m_fused = false;
    const float* m_keyPanel = nullptr;     ///< b e^-G
    const float* m_correctPanel = nullptr; ///< c e^-G, where corrections are free
    ChunkRows m_waitingErases{};
    std::vector<float> m_eraseFactors;
    const float* m_fusedLower = nullptr;
    const float* m_fusedOther = nullptr;
    ChunkBuffer m_plainErases;
    ChunkBuffer m_plainCorrects;
    Rows m_correctRows; ///< c
    std::vector<float> m_ownWeights;
    Scratch m_keyMemory;
    Scratch m_correctMemory;
    Scratch m_lowerMemory;
    Scratch m_otherMemory;
    ChunkRows m_waitingQueries{};
    std::vector<float> m_queryFactors;
};

/// S [K, V] between chunks: kept in float64, multiplied in float32.
class MixerState {
public:
    MixerState(Index width, Index valueDim);

    /// U [rows, V] of the chunk after this state; nothing without erasure.
    void solve(const MixerSteps& steps, MatrixView<const float> v, MatrixView<float> u);

    /// S becomes S' of the chunk.
    void advance(const MixerSteps& steps, MatrixView<const float> v, MatrixView<const float> u);

    MatrixView<const float> values() const { return m_rounded; }

private:
    Scratch m_memory; ///< of the matrices
    MatrixView<float> m_rounded;
    MatrixView<float> m_added;
    MatrixView<float> m_work;
    std::vector<double> m_sums;
};

} // namespace attnscope
