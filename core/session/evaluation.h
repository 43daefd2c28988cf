// SPDX-License-Identifier: GPL-3.0-or-later
// One method on one head beside exact attention: maps, outputs, time and metrics, the same for the window and the command line.
#pragma once

#include "core/method/attention_method.h"
#include "core/metrics/metrics.h"
#include "core/session/compute_choice.h"

#include <memory>
#include <string>
#include <vector>

namespace attnscope {

/// Map and output of one head by one method.
struct HeadResult {
    std::shared_ptr<const ScoreSource> map;
    std::shared_ptr<const Tensor> output; ///< [1, 1, N, Dv]; null of exact attention where comparedBySample() holds
    double latencyMs = 0.0;               ///< of the output alone, once
    bool causal = false;
    Index window = 0;
    Place outputPlace{}; ///< as asked for; `notes` say what was done instead while it ran
    Place mapPlace{};
    std::shared_ptr<const RowStatistics> rows{}; ///< of exact attention, where a card made them with the output
    std::vector<std::string> notes{};            ///< the notices given meanwhile: why something was not computed where it was asked for
};

/// How a comparison departs from the input's mask because the method has no such form; both sides are computed that way.
struct MaskChange {
    bool madeBidirectional = false;
    bool madeCausal = false;
    bool windowDropped = false;

    bool any() const { return madeBidirectional || madeCausal || windowDropped; }
    Inputs applied(Inputs inputs) const;
    std::string label() const;       ///< "bidirectional", "no window", "bidirectional, no window"; empty where there is none
    std::string explanation() const; ///< "no causal form: compared bidirectionally"; empty where there is none
};

MaskChange maskChangeFor(const MethodInfo& method, const Inputs& inputs);

/// A method's result and what it is compared with.
struct Comparison {
    HeadResult exact;
    HeadResult approximation;
    MaskChange change;
    Inputs inputs; ///< with the changed mask
};

struct ComparisonMetrics {
    MapMetrics map;
    OutputMetrics output;
};

/// `inputs` of one head, [1, 1, N, D]. What the backend has no kernel for is computed on the CPU, and the notes say so. Errors as
/// AttentionMethod::run and scores.
Result<HeadResult> evaluate(const Backend& backend, const AttentionMethod& method, const Inputs& inputs, const Params& params,
                            const RunContext& context);

/// Streaming softmax of one head. Where comparedBySample() holds, the map alone, which is there at once: measure() needs
/// the outputs of a few rows only.
Result<HeadResult> evaluateExact(const Backend& backend, const Inputs& inputs, const RunContext& context);
Result<HeadResult> evaluateExact(const Inputs& inputs, const RunContext& context); ///< on the CPU

/// `exact` is evaluateExact(backend, inputs); where the method has no form for the input's mask, exact attention is evaluated
/// again under the changed one.
Result<Comparison> compareWith(const Backend& backend, const HeadResult& exact, const AttentionMethod& method, const Inputs& inputs,
                               const Params& params, const RunContext& context);
/// On the CPU.
Result<Comparison> compareWith(const HeadResult& exact, const AttentionMethod& method, const Inputs& inputs, const Params& params,
                               const RunContext& context);

Result<ComparisonMetrics> measure(const Comparison& comparison, const RunContext& context);

/// AttentionMethod::theory of one head, under the mask that the method is compared with.
Result<std::vector<TheoryCurve>> theoryFor(const AttentionMethod& method, const Inputs& inputs, const Params& params,
                                           const RunContext& context);

} // namespace attnscope
