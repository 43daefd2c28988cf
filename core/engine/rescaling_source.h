// SPDX-License-Identifier: GPL-3.0-or-later
// A causal kernel map whose rows differ so much in scale that no common factors fit float32: rescaled block by block.
#pragma once

#include "core/engine/kernel_state.h"
#include "core/scores/score_source.h"

#include <memory>
#include <vector>

namespace attnscope {

/// All features of one side as they were computed.
struct FeatureTable {
    Tensor values;               ///< [1, 1, rows, features]
    std::vector<float> logScale; ///< [rows]
    bool logarithmic = false;

    FeatureTable(Index rows, const FeatureMap& map);
    FeatureRows rows(Index first, Index count);
    FeatureRows rows(Index first, Index count) const;
};

/// What the rows of the map are divided by: denominator_i = value_i exp(logScale_i).
struct Denominators {
    std::vector<double> values;
    std::vector<float> logScale;
};

/// firstVisible: keys that query 0 sees; each further query sees one more.
std::shared_ptr<const ScoreSource> makeRescalingSource(FeatureTable queries, FeatureTable keys, Denominators denominators,
                                                       Index firstVisible, Provenance provenance = Provenance::Implied);

} // namespace attnscope
