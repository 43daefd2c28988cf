// SPDX-License-Identifier: GPL-3.0-or-later
// One head of a recurrent token mixer as vectors per token: what the recurrent engine runs, maps and checks.
#pragma once

#include "core/base/tensor.h"

#include <span>
#include <utility>
#include <vector>

namespace attnscope {

/// The state S [K, V] of tokens t = 0 .. M-1, and the outputs of queries that stand at the last N tokens:
///
///     S_t = diag(e^g_t) S_{t-1} + c_t (a_tᵀ S') + b_t v_tᵀ,    o_t = scale q_tᵀ S_t + own_t v_t
///
/// S' is the decayed state diag(e^g_t) S_{t-1} (delta rules), or S_{t-1} itself where `erasesUndecayed` (RWKV-7). Without `erase`
/// there is no second term. All is linear in v, so that the map is M_ij = scale q_iᵀ A_i .. A_{j+1} b_j, and own_i more where i = j.
/// Views of one row stand for all tokens, views without rows are absent. They borrow from the inputs or from `storage`.
struct MixerFactors {
    using Rows = MatrixView<const float>;

    Index tokens = 0;       ///< M
    Rows q{};               ///< [N, K], N <= M
    Rows write{};           ///< [M or 1, K]
    Rows strength{};        ///< [M or 1, 1]: b_t = strength_t write_t; absent: 1
    Rows logDecay{};        ///< g [M or 1, 1 or K], at most 0; absent: no decay
    Rows erase{};           ///< [M, K]
    Rows eraseStrength{};   ///< [M, 1]: a_t = eraseStrength_t erase_t; absent: 1
    Rows correct{};         ///< [M, K]; absent: c_t = -b_t, the delta rule
    Rows correctStrength{}; ///< [M, 1]: c_t = correctStrength_t correct_t; absent: 1
    bool erasesUndecayed = false;
    bool readsUndecayed = false; ///< o_t reads S_{t-1} in place of S_t (RWKV-6)
    bool skipsOwn = false;       ///< o_t reads the decayed S_{t-1} without b_t (Mamba-3, whose own weight is in `own`)
    std::vector<float> own{};    ///< [N] or none
    Rows bonus{};                ///< [N, 1 or K] in place of `own`: own_i = sum_c q_ic bonus_ic write_c of the query's token; or none
    float scale = 1.0F;
    std::vector<Tensor> storage{}; ///< what the method made

    Index queries() const { return q.rows; }
    Index width() const { return q.cols; }
    Index offset() const { return tokens - q.rows; } ///< the token at which query 0 stands
    bool erases() const { return erase.rows > 0; }
    bool hasOwn() const { return !own.empty() || bonus.rows > 0; }

    /// The own weights of queries from `first` on.
    void readOwn(Index first, std::span<float> weights) const;

    /// Takes a matrix in and gives a view of it that stays valid when the factors move.
    Rows keep(Tensor made)
    {
        storage.push_back(std::move(made));
        return std::as_const(storage.back()).matrix();
    }
};

/// Row t of what may be one row for all.
inline const float* tokenRow(const MixerFactors::Rows& rows, Index t) { return rows.row(rows.rows == 1 ? 0 : t); }

/// Tokens that the engine works on at a time; chunks begin at multiples of it.
inline constexpr Index kMixerChunk = 64;

/// Log decays below this one are cut to it: e^-10000 is 0.
inline constexpr double kLeastLogDecay = -1e4;

} // namespace attnscope
