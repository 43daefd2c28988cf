// SPDX-License-Identifier: GPL-3.0-or-later
// What each row of the exact map is like: log-sum-exp, entropy, sum of squares, largest weights; in one pass over the keys.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/method/inputs.h"

#include <cstdint>
#include <vector>

namespace attnscope {

/// Largest weights that are kept of each row.
inline constexpr Index kTopWeights = 8;

/// Of each query's row p of the exact map of one head. N is the number of queries.
struct RowStatistics {
    std::vector<float> lse;            ///< [N] natural log of the sum of exp(logits)
    std::vector<float> entropy;        ///< [N] - sum p ln p, nats
    std::vector<float> sumSquares;     ///< [N] sum p²; its reciprocal is the number of keys that the row attends to, as if evenly
    std::vector<float> topWeights;     ///< [N, kTopWeights] in falling order, equal ones by key; 0 where the row sees fewer keys
    std::vector<std::int32_t> topKeys; ///< [N, kTopWeights]; -1 there

    explicit RowStatistics(Index rows = 0);
    Index rows() const { return static_cast<Index>(lse.size()); }
    float largest(Index row) const { return topWeights[static_cast<std::size_t>(row * kTopWeights)]; }
};

/// Means over the rows.
struct RowSummary {
    double lse = 0.0;
    double entropy = 0.0;
    double sumSquares = 0.0;
    double largest = 0.0;
};

RowSummary summaryOf(const RowStatistics& statistics);

/// On the CPU, from the float32 map, sums in float64. n² d FLOP. Errors as AttentionMethod::scores; progress, Cancelled.
Result<RowStatistics> computeRowStatistics(const Inputs& inputs, HeadRef head, const RunContext& context);

} // namespace attnscope
