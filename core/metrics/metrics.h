// SPDX-License-Identifier: GPL-3.0-or-later
// How far an approximation is from exact attention: of the map (streamed, O(n) memory) and of the output.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"
#include "core/scores/score_source.h"

#include <array>
#include <optional>
#include <string>

namespace attnscope {

/// Sizes of the top-k sets whose recall is reported.
inline constexpr std::array<Index, 3> kRecallSizes{1, 8, 64};

/// A is the exact map, Â the approximation's; all sums in float64. Rows are averaged where a metric is per row.
struct MapMetrics {
    double relFrobenius = 0.0; ///< |A - Â|_F / |A|_F
    double maxAbs = 0.0;       ///< max |A - Â|
    Index maxAbsRow = 0;
    Index maxAbsCol = 0;
    double totalVariation = 0.0;        ///< mean over rows of 1/2 sum_j |A - Â|
    std::optional<double> kl;           ///< mean over rows of KL(A || Â) in nats; none where Â has weights <= 0 where A > 0
    std::string klReason;               ///< why there is no KL
    std::array<double, 3> topkRecall{}; ///< mean |topk(A_i) ∩ topk(Â_i)| / k for kRecallSizes (k cut at the visible keys)
    double entropyDifference = 0.0;     ///< mean H(Â_i) - H(A_i) in nats, over the positive weights of Â_i, normalised
    double rowSumDeviation = 0.0;       ///< max over rows of |sum_j Â_ij - 1|
    double negativeMass = 0.0;          ///< mean over rows of sum_j max(0, -Â_ij)
    Provenance provenance = Provenance::Exact;
};

struct OutputMetrics {
    double relFrobenius = 0.0; ///< |O - Ô|_F / |O|_F
    double maxAbs = 0.0;
};

/// Both maps of equal size, else InvalidShape. Reads each once, in blocks of rows.
Result<MapMetrics> compareMaps(const ScoreSource& exact, const ScoreSource& approximation, const RunContext& context);

/// [N, Dv] each.
Result<OutputMetrics> compareOutputs(MatrixView<const float> exact, MatrixView<const float> approximation);

} // namespace attnscope
