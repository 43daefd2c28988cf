// SPDX-License-Identifier: GPL-3.0-or-later
// A stored matrix as a ScoreSource: small maps, golden data, tests.
#pragma once

#include "core/base/tensor.h"
#include "core/scores/score_source.h"

#include <memory>

namespace attnscope {

/// matrix [1, 1, N, M]; firstVisible as in LowRankFactors (M masks nothing). Masked cells read as 0, whatever is stored there.
std::shared_ptr<const ScoreSource> makeDenseSource(Tensor matrix, Provenance provenance, Index firstVisible);

/// Nothing masked.
std::shared_ptr<const ScoreSource> makeDenseSource(Tensor matrix, Provenance provenance = Provenance::Exact);

} // namespace attnscope
