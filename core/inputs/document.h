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

/// q [B, H, N, D], k [B, Hkv, N, D], v [B, Hkv, N, Dv] of one layer, after rotary embedding and q/k norms; or of one query head of
/// it with the key/value head that it reads.
struct LayerInputs {
    Tensor q;
    Tensor k;
    Tensor v;
    bool causal = false;
    float scale = 0.0F;                                  ///< 0 means 1/sqrt(D)
    std::map<std::string, Tensor, std::less<>> arrays{}; ///< further arrays by name, sized as ExtraArrays says
    Index window = 0;                                    ///< as in Inputs
    Index firstHead = 0;                                 ///< as in Inputs: where only one head of the layer is here, which one
    Index layerHeads = 0;                                ///< as in Inputs: query heads of the layer; 0: those that are here

    bool contains(HeadRef head) const { return head.head >= firstHead && head.head < firstHead + q.heads(); }
};

/// Borrows all heads; the result keeps `layer` alive.
Inputs inputsOf(const std::shared_ptr<const LayerInputs>& layer);

/// Borrows one head that the layer contains as [1, 1, N, D].
Inputs inputsOf(const std::shared_ptr<const LayerInputs>& layer, HeadRef head);

/// What the user is told about an input.
struct DocumentInfo {
    std::string title;               ///< file name, or the first words of a text
    std::string origin;              ///< absolute path; empty for typed or pasted text
    std::string detail;              ///< "Llama, 6 layers x 4 heads (2 KV heads), 812 tokens" or "q [8, 1024, 64] as H, N, D; float16"
    std::string model;               ///< model folder for texts, empty for tensors
    std::vector<std::string> tokens; ///< one label per position; empty where there are none
    std::string text;                ///< what was tokenised, UTF-8; empty for tensors
    std::vector<std::pair<Index, Index>> tokenBytes; ///< [first, last) bytes of `text`; (0, 0) for a token that stands for none
    std::vector<std::string> layerNames;
    std::vector<std::string> arrays; ///< further arrays of the first layer, by name: "beta", "g"
    Index batch = 1;
    Index heads = 1;
    Index kvHeads = 1;
    Index length = 0;
    bool causal = false;
};

/// What a layer still costs before it is there; all 0 where it is there, or only has to be read.
struct LayerCost {
    double flops = 0.0;
    double bytes = 0.0;    ///< at the peak, what is returned included
    Index layersToRun = 0; ///< of the model, this one included
};

/// Immutable and thread-safe.
class Document {
public:
    virtual ~Document() = default;
    virtual const DocumentInfo& info() const = 0;

    /// q, k, v of a layer; computed or read when first asked for, then kept as far as memory allows.
    virtual Result<std::shared_ptr<const LayerInputs>> layer(Index index, const RunContext& context) const = 0;

    /// At least this head of a layer: all of it, unless the input is so long that only what is looked at is kept.
    virtual Result<std::shared_ptr<const LayerInputs>> head(Index index, HeadRef /*head*/, const RunContext& context) const
    {
        return layer(index, context);
    }

    /// All heads of a layer for at least the first `length` positions, which may cost less than the whole.
    virtual Result<std::shared_ptr<const LayerInputs>> start(Index index, Index /*length*/, const RunContext& context) const
    {
        return layer(index, context);
    }

    /// What head() would cost now.
    virtual LayerCost costOf(Index /*index*/, HeadRef /*head*/) const { return {}; }
};

} // namespace attnscope
