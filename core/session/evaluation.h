// SPDX-License-Identifier: GPL-3.0-or-later
// One method on one head beside exact attention: maps, outputs, time and metrics, the same for the window and the command line.
#pragma once

#include "core/method/attention_method.h"
#include "core/metrics/metrics.h"

#include <memory>

namespace attnscope {

/// Map and output of one head by one method.
struct HeadResult {
    std::shared_ptr<const ScoreSource> map;
    std::shared_ptr<const Tensor> output; ///< [1, 1, N, Dv]
    double latencyMs = 0.0;               ///< of the output alone, once
    bool causal = false;
};

/// A method's result and what it is compared with.
struct Comparison {
    HeadResult exact;
    HeadResult approximation;
    bool bidirectionalFallback = false; ///< the input is causal but the method has no causal form: both sides are bidirectional
};

struct ComparisonMetrics {
    MapMetrics map;
    OutputMetrics output;
};

/// `inputs` of one head, [1, 1, N, D]. Errors as AttentionMethod::run and scores.
Result<HeadResult> evaluate(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context);

/// Streaming softmax of one head.
Result<HeadResult> evaluateExact(const Inputs& inputs, const RunContext& context);

/// `exact` is evaluateExact(inputs); where the method has no causal form, exact attention is evaluated again bidirectionally.
Result<Comparison> compareWith(const HeadResult& exact, const AttentionMethod& method, const Inputs& inputs, const Params& params,
                               const RunContext& context);

Result<ComparisonMetrics> measure(const Comparison& comparison, const RunContext& context);

} // namespace attnscope
