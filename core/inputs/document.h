// SPDX-License-Identifier: GPL-3.0-or-later
// One opened input, whatever it came from: tokens, layers and heads, and q, k, v of any layer on demand.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"
#include "core/method/inputs.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace attnscope {

/// q [B, H, N, D], k [B, Hkv, N, D], v [B, Hkv, N, Dv] of one layer, after rotary embedding and q/k norms.
struct LayerInputs {
    Tensor q;
    Tensor k;
    Tensor v;
    bool causal = false;
    float scale = 0.0F;                                  ///< 0 means 1/sqrt(D)
    std::map<std::string, Tensor, std::less<>> arrays{}; ///< further arrays by name, sized as ExtraArrays says
    Index window = 0;                                    ///< as in Inputs
};

/// Borrows all heads; the result keeps `layer` alive.
Inputs inputsOf(const std::shared_ptr<const LayerInputs>& layer);

/// Borrows one head as [1, 1, N, D].
Inputs inputsOf(const std::shared_ptr<const LayerInputs>& layer, HeadRef head);

/// What the user is told about an input.
struct DocumentInfo {
    std::string title;               ///< file name, or the first words of a text
    std::string origin;              ///< absolute path; empty for typed or pasted text
    std::string detail;              ///< "Llama, 6 layers x 4 heads (2 KV heads), 812 tokens" or "q [8, 1024, 64] as H, N, D; float16"
    std::string model;               ///< model folder for texts, empty for tensors
    std::vector<std::string> tokens; ///< one label per position; empty where there are none
    std::vector<std::string> layerNames;
    std::vector<std::string> arrays; ///< further arrays of the first layer, by name: "beta", "g"
    Index batch = 1;
    Index heads = 1;
    Index kvHeads = 1;
    Index length = 0;
    bool causal = false;
};

/// Immutable and thread-safe.
class Document {
public:
    virtual ~Document() = default;
    virtual const DocumentInfo& info() const = 0;

    /// q, k, v of a layer; computed or read when first asked for, then kept as far as memory allows.
    virtual Result<std::shared_ptr<const LayerInputs>> layer(Index index, const RunContext& context) const = 0;
};

} // namespace attnscope
