// SPDX-License-Identifier: GPL-3.0-or-later
// How long a method will take here, to an order of magnitude, before it is started: its FLOP over a rate measured once.
#pragma once

#include "core/inputs/document.h"
#include "core/method/attention_method.h"

#include <optional>
#include <string>

namespace attnscope {

/// What takes longer than this is said before it starts, and in the window it starts only when told to.
inline constexpr double kLongSeconds = 60.0;

/// FLOP a second that streaming softmax reaches on so many threads: the best of a few runs of some milliseconds, taken when first
/// asked for and kept while the program runs. Thread-safe.
double softmaxFlopRate(int threads);

/// Output and map of one evaluation (evaluate() in core/session/evaluation.h): Cost::flops for each of them over `flopRate`.
double estimateSeconds(const AttentionMethod& method, const Shape& shape, const Params& params, bool causal, double flopRate);

/// The same on this machine for these inputs.
double estimateSeconds(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context);

/// "about 8 s", "about 40 min", "about 3 h": one significant digit or two, as more would be a promise.
std::string aboutTime(double seconds);

/// Where the estimate exceeds kLongSeconds: "Best rank r (SVD) would take about 40 min on these 200000 tokens." with what to do
/// instead for a hint.
std::optional<Error> longRun(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context);

/// The same of running a model up to a layer: "Running 5 layers of the model on 100000 tokens takes about 6 min and 0.5 GB." Nothing
/// where it takes a moment.
std::optional<Error> longLayer(const Document& document, Index layer, HeadRef head, const RunContext& context);

/// That sentence whatever it takes; empty where nothing has to be run.
std::string layerCostText(const Document& document, Index layer, HeadRef head, const RunContext& context);

} // namespace attnscope
