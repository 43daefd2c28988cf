// SPDX-License-Identifier: GPL-3.0-or-later
// The factors of a kernel map that are too large to keep: rows are computed from q and k when they are read.
#pragma once

#include "core/engine/feature_map.h"
#include "core/engine/rescaling_source.h"
#include "core/method/inputs.h"
#include "core/scores/factor_rows.h"

#include <memory>
#include <optional>

namespace attnscope {

struct ComputedFactors {
    std::unique_ptr<const FactorRows> left;
    std::unique_ptr<const FactorRows> right;
};

/// Of one head's q and k: scaled features of the keys, and of the queries over their denominators. Passes once over the keys and
/// once over the queries, and keeps the means of runs of rows, (N + M) features / 16 bytes. Nothing where a row's scale is too far from the
/// common one, or when stopped.
std::optional<ComputedFactors> computedFactors(const Inputs& one, const std::shared_ptr<const FeatureMap>& map,
                                               const std::shared_ptr<const Denominators>& denominators, const RunContext& context);

/// Turns scaled queries that stand at `first` and after it, true up to exp(logScale), into rows of the map's left factor: times
/// exp(logScale - denominator's) over the denominator. False where one is too large for products inside float32.
bool divideRows(Index first, std::span<const float> logScale, const Denominators& denominators, MatrixView<float> rows);

} // namespace attnscope
