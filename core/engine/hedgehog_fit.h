// SPDX-License-Identifier: GPL-3.0-or-later
// Hedgehog's weights of one head, fitted to its exact attention rows by Adam, as LoLCATs distils them.
#pragma once

#include "core/engine/hedgehog_loss.h"
#include "core/method/params.h"

#include <cstdint>

namespace attnscope {

struct HedgehogFitSettings {
    HedgehogObjective objective;
    Index steps = 100;
    double rate = 0.01;
    std::uint64_t seed = 0; ///< picks the rows

    static HedgehogFitSettings from(const Params& params); ///< `map`, `loss`, `steps`, `rate` and the seed
};

/// At some steps, the first and the last among them, the cross-entropy of the rows that were trained on and of those held out.
struct HedgehogFit {
    HedgehogWeights weights;
    std::vector<double> steps;
    std::vector<double> train;
    std::vector<double> heldOut; ///< empty where a head has too few rows to hold any out
    double trainEntropy = 0.0;   ///< of the exact rows: what no cross-entropy goes below
    double heldOutEntropy = 0.0;
    Index trainRows = 0;
    Index heldOutRows = 0;
};

/// Rows that a fit trains on and holds out, drawn at random: at most 256 and 64, and fewer where rows are long.
struct HedgehogRows {
    std::vector<Index> train;
    std::vector<Index> heldOut;
};
HedgehogRows drawHedgehogRows(Index queries, Index keys, std::uint64_t seed);

/// Weights [D, D], starting at the identity. Reports progress. The result does not depend on the number of threads. Cancelled.
Result<HedgehogFit> fitHedgehog(const Inputs& inputs, HeadRef head, const HedgehogFitSettings& settings, const RunContext& context);

/// The same, kept for the next call with equal data and settings: the process remembers some hundred fits.
Result<std::shared_ptr<const HedgehogFit>> cachedHedgehogFit(const Inputs& inputs, HeadRef head, const HedgehogFitSettings& settings,
                                                             const RunContext& context);

/// Floating-point operations of one head's fit, and bytes while it runs.
double hedgehogFitFlops(const Shape& shape, Index steps);
double hedgehogFitBytes(const Shape& shape);

} // namespace attnscope
