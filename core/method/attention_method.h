// SPDX-License-Identifier: GPL-3.0-or-later
// One attention mechanism: what it is (MethodInfo), what it costs, its output and its implied n x n map.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"
#include "core/method/defined_map.h"
#include "core/method/inputs.h"
#include "core/method/params.h"
#include "core/method/theory.h"
#include "core/scores/score_source.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope {

/// What forms, help, tables and the command line know of a method.
struct MethodInfo {
    std::string id{};           ///< "performer"
    std::string title{};        ///< "Performer (FAVOR+)"
    std::string family{};       ///< "exact", "kernel", "landmark", "sparse", "recurrent", "reference"
    std::string summary{};      ///< one sentence: what it does and what it assumes
    std::string formula{};      ///< plain text with Unicode, as published
    std::string assumes{};      ///< one sentence: what must hold for the map to come close to softmax
    std::string loses{};        ///< one sentence: what it drops or distorts, and when
    std::string learned{};      ///< one sentence: what the publication learns and what stands for it here; empty: training-free
    std::string reference{};    ///< authors, title, venue, year, arXiv id
    std::string timeGrowth{};   ///< "n m d"
    std::string memoryGrowth{}; ///< "m d"
    bool exact = false;         ///< equals softmax attention up to rounding
    bool supportsCausal = false;
    bool supportsBidirectional = true;
    bool supportsWindow = false; ///< keeps to Inputs::window
    bool randomised = false;     ///< the seed matters
    bool mapIsQuadratic = false; ///< even run() needs time n^2: a reference, not an approximation to use
    bool rowsSumToOne = true;
    bool nonNegative = true;
    bool positional = false;            ///< places matter: permuted tokens don't permute the map
    bool looksAhead = false;            ///< its causal map has cells ahead of the mask
    bool laterTokensMatter = false;     ///< its causal map stays behind the mask, but later tokens change earlier rows
    std::vector<ParamText> exactWith{}; ///< values (cut at the number of keys) at which it equals softmax; empty: never
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

    /// The same map by plain float64 loops written from the equations, O(N M) memory: what run() and scores() are verified
    /// against. Inputs are valid and the form is supported.
    virtual Result<DefinedMap> define(const Inputs& inputs, HeadRef head, const Params& params) const = 0;

    /// Other published ways to the same output besides run()'s own: "recurrent" (token by token, as in decoding), "matrix".
    virtual std::vector<std::string> otherForms() const { return {}; }

    /// The output by one of otherForms().
    virtual Result<Tensor> runForm(std::string_view form, const Inputs& inputs, const Params& params, const RunContext& context) const;

    /// What theory says of the error on these inputs, or in a sentence why it says nothing. May take a time of O(n) times a
    /// few hundred sampled pairs; Cancelled.
    virtual Result<std::vector<TheoryCurve>> theory(const Inputs& inputs, HeadRef head, const Params& params,
                                                    const RunContext& context) const;

    /// Rows and columns of the array that the File parameter `key` takes on such inputs: what checks draw for it.
    virtual std::pair<Index, Index> fileShape(std::string_view key, const Shape& shape, const Params& params) const;

    /// No map of this method has a larger rank (bidirectional form); 0: no bound.
    virtual Index rankBound(const Shape& shape, const Params& params) const;

    /// No row of the map has more non-zero cells; 0: no bound.
    virtual Index keysPerRow(const Shape& shape, const Params& params) const;
};

/// The common gate of every run(): validate(inputs), support of its mask, memory budget.
Result<void> checkRunnable(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context);

/// That of scores(): the same, and InvalidParam where the inputs have no such head.
Result<void> checkRunnable(const AttentionMethod& method, const Inputs& inputs, HeadRef head, const Params& params,
                           const RunContext& context);

} // namespace attnscope
