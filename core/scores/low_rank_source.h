// SPDX-License-Identifier: GPL-3.0-or-later
// A map given by factors, L Rᵀ, with the causal half masked where the method is causal: kernel methods, Linformer, SVD.
#pragma once

#include "core/base/tensor.h"
#include "core/scores/factor_rows.h"
#include "core/scores/score_source.h"

#include <memory>

namespace attnscope {

/// map [N, M] = L Rᵀ, never stored.
struct LowRankFactors {
    Tensor left;            ///< [1, 1, N, R]; a divisor of each row, if any, is folded in
    Tensor right;           ///< [1, 1, M, R]
    Index firstVisible = 0; ///< keys that query 0 sees (each further query sees one more); M masks nothing. visibleKeys(inputs, 0)
};

/// Cells by a product of the factors' rows, O(cells R). Mean-pooled levels are exact from pooled factors, O((N + M) R) and
/// O(R) a pooled cell, causal ones too.
std::shared_ptr<const ScoreSource> makeLowRankSource(LowRankFactors factors, Provenance provenance = Provenance::Implied);

/// The same with factors that need not be kept: left [N, R], right [M, R].
std::shared_ptr<const ScoreSource> makeLowRankSource(std::unique_ptr<const FactorRows> left, std::unique_ptr<const FactorRows> right,
                                                     Index firstVisible, Provenance provenance);

/// The factors of a source that was made of kept ones, as long as it lives; null of any other.
const LowRankFactors* factorsOf(const ScoreSource& source);

} // namespace attnscope
