// SPDX-License-Identifier: GPL-3.0-or-later
// Causal kernel attention by buckets with a blind spot: a query sees the buckets before its own, nothing of its own.
#pragma once

#include "core/engine/kernel_engine.h"
#include "core/scores/score_source.h"

#include <memory>

namespace attnscope {

/// As visitQueries(), but query i, at key position p = i + M - N, sees the keys j < floor(p / bucket) bucket alone. Queries that
/// see none get numerators and denominators 0. False when stopped.
bool visitBuckets(const Inputs& inputs, const FeatureMap& map, Index bucket, const RunContext& context, const QuerySink& sink);

/// One head's map, rows divided by map.divisor(); cells of the blind spot read 0. 4 (N + M) features bytes. Cancelled.
Result<std::shared_ptr<const ScoreSource>> makeBucketSource(const Inputs& inputs, HeadRef head, const FeatureMap& map, Index bucket,
                                                            const RunContext& context);

} // namespace attnscope
