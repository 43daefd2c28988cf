// SPDX-License-Identifier: GPL-3.0-or-later
// How far an approximation is from exact attention: of the map (streamed or sampled, O(n) memory) and of the output.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"
#include "core/metrics/row_sample.h"
#include "core/scores/score_source.h"

#include <array>
#include <optional>
#include <string>

namespace attnscope {

/// Sizes of the top-k sets whose recall is reported.
inline constexpr std::array<Index, 3> kRecallSizes{1, 8, 64};

/// Maps of more cells than this, 16,384 x 16,384, are compared by a sample of their rows.
inline constexpr double kMostComparedCells = 0x1p28;

inline bool comparedBySample(Index rows, Index cols) { return static_cast<double>(rows) * static_cast<double>(cols) > kMostComparedCells; }

/// Of the metrics that a sample of rows estimates (see RowSample). Largest values have none: they are those of the rows read.
struct MapIntervals {
    Interval relFrobenius;
    Interval totalVariation;
    std::optional<Interval> kl;
    std::array<Interval, kRecallSizes.size()> topkRecall{};
    Interval entropyDifference;
    Interval negativeMass;
};

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
    Index rows = 0;
    Index rowsRead = 0;                    ///< fewer than `rows` where they are a sample
    std::optional<MapIntervals> intervals; ///< of a sample

    bool sampled() const { return rowsRead < rows; }
};

struct OutputMetrics {
    double relFrobenius = 0.0; ///< |O - Ô|_F / |O|_F
    double maxAbs = 0.0;
    std::optional<Interval> interval{}; ///< of relFrobenius, where rows were sampled
};

struct SampleChoice {
    Index pairs = 0; ///< rows to read are twice as many; 0: as many as 2^26 cells are, at least 64 and at most 512 pairs
    std::uint64_t seed = 1;
};

struct SampledMetrics {
    MapMetrics map;
    OutputMetrics output; ///< nothing where no values were given
};

/// Both maps of equal size, else InvalidShape. Reads each once, in blocks of rows, or a sample of rows of large ones.
Result<MapMetrics> compareMaps(const ScoreSource& exact, const ScoreSource& approximation, const RunContext& context);

/// The same from a sample of the rows: estimates with 95 % intervals. Exact outputs of these rows are exact weights times `values` [M, Dv]
/// (without data: no output metrics), and are compared with the approximation's `output` [N, Dv]. O(threads M) memory
/// above what the maps take. InvalidShape as above, and where there are fewer than two rows for each pair.
Result<SampledMetrics> compareSampled(const ScoreSource& exact, const ScoreSource& approximation, MatrixView<const float> values,
                                      MatrixView<const float> output, const SampleChoice& choice, const RunContext& context);

/// [N, Dv] each.
Result<OutputMetrics> compareOutputs(MatrixView<const float> exact, MatrixView<const float> approximation);

} // namespace attnscope
