// SPDX-License-Identifier: GPL-3.0-or-later
// The float64 definition that all recurrent methods share: the adjoint of one query, swept back token by token.
#pragma once

#include "core/method/defined_map.h"

#include <functional>
#include <span>
#include <vector>

namespace attnscope {

/// S_t = diag(decay) S_{t-1} + correct (eraseᵀ S_{t-1}) + write v_tᵀ; `erase` reads the state before its decay. Empty: 1 and 0.
struct DefinedToken {
    std::vector<double> decay{};
    std::vector<double> write{};
    std::vector<double> erase{};
    std::vector<double> correct{};
};

/// How queries read the state.
struct DefinedReads {
    std::function<std::vector<double>(Index)> query; ///< of query i, the scale included
    bool previous = false;                           ///< S_{t-1}: the own token's decay and write come after the read
    std::function<double(Index)> own{};              ///< the cell of query i with its own token, if it isn't query . write
};

/// M_ij = query_iᵀ A_i .. A_{j+1} write_j, queries aligned to the last tokens: O(N M K) time. The condition is that of the
/// dot products: the largest sum of sizes over the largest cell.
DefinedMap definedMixer(Index queries, const std::vector<DefinedToken>& tokens, const DefinedReads& reads);

/// A row as float64, times `factor`.
std::vector<double> definedRow(std::span<const float> row, double factor = 1.0);

/// A row over its Euclidean length, as definedRow; a row of zeros stays one.
std::vector<double> definedUnit(std::span<const float> row);

} // namespace attnscope
