// SPDX-License-Identifier: GPL-3.0-or-later
// --input and what goes with it: which arrays, layout, layer, head, causal, scale.
#pragma once

#include "core/inputs/tensor_document.h"

#include <memory>
#include <optional>

namespace CLI {
class App;
}

namespace attnscope::cli {

/// q, k, v to compute on; `document` keeps what they borrow.
struct OpenedInput {
    std::shared_ptr<const TensorDocument> document;
    Inputs inputs;        ///< of all heads, or of `head`
    bool batched = false; ///< the arrays in the file have a batch axis
};

struct InputOptions {
    std::string file;
    TensorOptions arrays;
    std::string layout;
    std::string layer;
    std::string head;
    bool causal = false;
    bool bidirectional = false;
    std::optional<float> scale;
    std::optional<Index> window;

    /// All heads; the one of --head where that is given; or `fallback`.
    Result<OpenedInput> open(const RunContext& context, std::optional<HeadRef> fallback = std::nullopt) const;

    bool oneHead() const { return !head.empty(); }
};

/// `headHelp` says what a missing --head means.
std::shared_ptr<InputOptions> addInputOptions(CLI::App& app, const std::string& headHelp);

} // namespace attnscope::cli
