// SPDX-License-Identifier: GPL-3.0-or-later
// One attention mechanism: what it is (MethodInfo), what it costs, its output and its implied n x n map.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"
#include "core/method/inputs.h"
#include "core/method/params.h"
#include "core/scores/score_source.h"

#include <memory>
#include <string>
#include <vector>

namespace attnscope {

/// What forms, help, tables and the command line know of a method.
struct MethodInfo {
    std::string id{};           ///< "performer"
    std::string title{};        ///< "Performer (FAVOR+)"
    std::string family{};       ///< "exact", "kernel", "landmark", "sparse", "recurrent", "reference"
    std::string summary{};      ///< one sentence: what it does and what it assumes
    std::string formula{};      ///< plain text with Unicode, as published
    std::string reference{};    ///< authors, title, venue, year, arXiv id
    std::string timeGrowth{};   ///< "n m d"
    std::string memoryGrowth{}; ///< "m d"
    bool exact = false;         ///< equals softmax attention up to rounding
    bool supportsCausal = false;
    bool supportsBidirectional = true;
    bool randomised = false;     ///< the seed matters
    bool mapIsQuadratic = false; ///< even run() needs time n^2: a reference, not an approximation to use
    std::vector<ParamSpec> params{};
};

/// Work before running: floating-point operations (a multiply-add is 2), bytes moved at least, peak bytes above the inputs.
struct Cost {
    double flops = 0.0;
    double bytes = 0.0;
    double peakBytes = 0.0;
};

/// Stateless and thread-safe.
class AttentionMethod {
public:
    virtual ~AttentionMethod() = default;

    virtual const MethodInfo& info() const = 0;

    /// For all batches and heads of `shape`.
    virtual Cost cost(const Shape& shape, const Params& params, bool causal) const = 0;

    /// O [B, H, N, Dv]. Unsupported where the method has no causal (or no bidirectional) form; OutOfMemory where cost()
    /// exceeds context.memoryBudget; Cancelled.
    virtual Result<Tensor> run(const Inputs& inputs, const Params& params, const RunContext& context) const = 0;

    /// The implied n x n matrix of one head: O_h = map V_h.
    virtual Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& inputs, HeadRef head, const Params& params,
                                                              const RunContext& context) const = 0;
};

/// The common gate of every run() and scores(): validate(inputs), causal support, memory budget.
Result<void> checkRunnable(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context);

} // namespace attnscope
