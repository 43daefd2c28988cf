// SPDX-License-Identifier: GPL-3.0-or-later
// The difference of two maps is itself a map: its levels pool the difference, never the difference of pooled maps.
#pragma once

#include "core/base/result.h"
#include "core/scores/direct_pooling.h"
#include "core/scores/score_source.h"

#include <memory>
#include <string_view>

namespace attnscope {

/// How an approximation a differs from the exact b in one cell.
enum class DifferenceMetric {
    Error,    ///< a - b
    Abs,      ///< |a - b|
    Squared,  ///< (a - b)²
    Relative, ///< |a - b| / |b|, with |b| at least the smallest normal float32, so that it is finite
};

std::string_view toString(DifferenceMetric metric); ///< "error", "abs", "squared", "relative"

/// The metric of that name, or InvalidParam with the names there are.
Result<DifferenceMetric> parseDifferenceMetric(std::string_view name);

/// A cell is masked where it is masked in both maps; the provenance is the weaker of the two.
class Difference final : public ScoreSource, public PoolsDirectly {
public:
    /// a: the approximation, b: exact; of equal size (else use makeDifference, which says so).
    Difference(std::shared_ptr<const ScoreSource> a, std::shared_ptr<const ScoreSource> b, DifferenceMetric metric);

    Index rows() const override;
    Index cols() const override;
    Provenance provenance() const override;
    KeyRange visible(Index row) const override;
    bool isZero(Index row0, Index col0, Index rows, Index cols) const override;
    bool poolsDirectly(Pool pool) const override; ///< mean errors of two maps that do

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override;
    Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const override;

private:
    std::shared_ptr<const ScoreSource> m_a;
    std::shared_ptr<const ScoreSource> m_b;
    DifferenceMetric m_metric;
};

/// Difference, or InvalidShape where the maps are of different sizes.
Result<std::shared_ptr<const ScoreSource>> makeDifference(std::shared_ptr<const ScoreSource> a, std::shared_ptr<const ScoreSource> b,
                                                          DifferenceMetric metric);

} // namespace attnscope
